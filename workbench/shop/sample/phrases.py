"""How the sample shop's customers write: openers, what they say of each aspect, closers; by mood, English and Chinese."""

from __future__ import annotations

# mood: 0 negative, 1 neutral, 2 positive
OPENERS: tuple[tuple[str, ...], ...] = (
    ("Very disappointed with this {thing}.", "I wanted to like it, but no.", "Save your money.", "Not what I paid for.", "Sending it back.",
     "Worst {thing} I have had in years.", "Really unhappy with this.", "This {thing} let me down after {days} days.", "Hm. Would not buy again."),
    ("It is okay, nothing special.", "Mixed feelings about this {thing}.", "Does the job, more or less.", "Neither good nor bad.", "Average {thing} for the price.",
     "Some good, some bad.", "Three stars because it is fine, just fine.", "Not sure yet what to think of it."),
    ("Love this {thing}!", "Exactly what I was looking for.", "Very happy with it.", "Great {thing} for the money.", "My second one already.",
     "Bought it on a whim and I am so glad.", "Works beautifully.", "After {days} days of daily use: excellent.", "Five stars from me.", "Can't fault this {thing}."),
)  # fmt: skip
ASPECTS: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "Electronics": {
        "battery": (("the battery is dead after an hour", "it will not hold a charge", "the battery got hot and swelled"), ("the battery is about average", "battery life is a bit less than promised"), ("the battery lasts for days", "one charge gets me through the whole week")),
        "sound": (("the sound is tinny and crackles", "one side stopped playing"), ("sound is fine but lacks bass", "acceptable sound, not more"), ("the sound is warm and clear", "crisp highs and a deep bass")),
        "connection": (("bluetooth drops all the time", "it never pairs with my phone"), ("pairing takes two tries", "the connection is mostly stable"), ("pairs at once with every device", "the connection never dropped")),
    },
    "Kitchen": {
        "heat": (("it heats unevenly and burns everything", "the coating peeled off after a week"), ("it heats slowly but gets there", "heat is okay on gas, less on induction"), ("it heats evenly and fast", "my eggs slide right off")),
        "cleaning": (("impossible to clean", "it rusted in the dishwasher"), ("cleaning needs some patience", "cleaning is so-so"), ("it wipes clean in seconds", "comes spotless out of the dishwasher")),
        "taste": (("everything tastes of plastic", "the coffee comes out bitter and weak"), ("the coffee is drinkable", "taste is about the same as my old one"), ("the coffee tastes wonderful", "dinner never tasted better")),
    },
    "Beauty": {
        "smell": (("the smell is awful and chemical", "it smells rancid"), ("the smell is a bit strong", "the scent fades quickly"), ("it smells heavenly", "the scent is subtle and lovely")),
        "skin": (("my skin broke out in a rash", "it burns on my face"), ("no real effect on my skin so far", "my skin feels about the same"), ("my skin feels so soft", "my skin has never looked better")),
        "bottle": (("the bottle leaked all over", "the pump broke on day one"), ("the bottle is smaller than it looks", "the packaging is plain"), ("the bottle is gorgeous", "the pump doses perfectly")),
    },
    "Sports": {
        "grip": (("it slips as soon as I sweat", "the strap tore on the first run"), ("the grip is okay on dry days", "the strap needs adjusting often"), ("great grip even when I sweat", "it stays put for a whole marathon")),
        "weight": (("far too heavy for training", "bulky and it bounces"), ("a little heavier than I hoped", "weight is acceptable"), ("so light that I forget I wear it", "weighs next to nothing")),
        "light": (("it went dark in the middle of my ride", "stopped working in the rain"), ("bright enough for the city", "does fine for short rides"), ("bright, tough and waterproof", "survived rain, mud and a crash")),
    },
    "Toys": {
        "parts": (("half of the pieces were missing", "parts snapped in my kid's hands"), ("some pieces are hard to fit", "the instructions could be clearer"), ("the pieces fit perfectly", "sturdy parts, survived three kids")),
        "fun": (("my daughter lost interest in minutes", "the kids cried because it fell apart"), ("the kids play with it now and then", "fun for one afternoon"), ("my son plays with it every day", "the whole family had a great time")),
        "safety": (("sharp edges, not safe for children", "it stinks of chemicals, I took it away"), ("the paint chips a little", "not sure about the small parts"), ("soft, safe and well made", "no smell and no sharp edges")),
    },
    "Stationery": {
        "paper": (("ink bleeds through every page", "the paper is thin like tissue"), ("the paper is okay with a ballpoint", "paper is a touch too yellow"), ("the paper is thick and smooth", "no bleeding, even with fountain pens")),
        "binding": (("pages fell out in the first week", "the cover came off"), ("the binding is a bit stiff", "the cover scratches easily"), ("the binding lies flat", "the cover feels precious")),
        "ink": (("the pens dried out at once", "it leaks on my fingers"), ("the ink is paler than in the picture", "writes fine after a few strokes"), ("it writes like butter", "the colours are rich and even")),
    },
    "Garden": {
        "weather": (("rusted after the first rain", "the lamp filled with water"), ("okay under a roof", "needs full sun to work"), ("out in the storm all winter and still perfect", "glows until dawn")),
        "growth": (("not one seed came up", "the plants arrived dead"), ("about half of the seeds came up", "growing slowly"), ("everything sprouted within a week", "we harvest every day")),
        "handle": (("the handle broke on the first branch", "gave me blisters"), ("the handle is a bit large for me", "cuts thin twigs well enough"), ("it cuts like through butter", "the handle sits perfectly in the hand")),
    },
    "Fashion": {
        "fit": (("it runs two sizes too small", "the fit is completely off", "sizes are wrong, nothing fits"), ("fits a bit tight at first", "I would order one size up"), ("the fit is perfect", "true to size and flattering")),
        "material": (("the seams opened after two days", "cheap fabric, already torn"), ("the fabric is thinner than I thought", "material is okay for the price"), ("the material feels great", "solid zips and clean seams")),
        "colour": (("the colour washed out at once", "nothing like the photo"), ("the colour is slightly darker than shown", "colour is fine"), ("the colour is even nicer in real life", "I get compliments all the time")),
    },
}  # fmt: skip
GENERAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "delivery": (("delivery took three weeks", "the parcel arrived crushed and wet", "the courier left it in the rain", "tracking was wrong and nobody answered"), ("delivery took a while", "delivery was neither fast nor slow"), ("delivery was quick", "arrived a day early and well packed")),
    "price": (("far too expensive for what it is", "overpriced"), ("the price is okay on sale", "a little dear"), ("great value", "worth every cent")),
    "service": (("support never answered", "they refused the refund"), ("service answered after a few days", "support was polite at least"), ("service was friendly and fast", "they sent a spare part for free")),
}  # fmt: skip
CLOSERS: tuple[tuple[str, ...], ...] = (
    ("I want my money back.", "Avoid.", "Never again.", "Returned.", "", "", "Such a shame."),
    ("We will see.", "Fine for occasional use.", "", "", "Might try another brand next time.", "You get what you pay for."),
    ("Highly recommended.", "Will buy again.", "", "", "Perfect as a gift, too.", "Thank you!", "No regrets."),
)  # fmt: skip
VOICE: dict[str, tuple[str, ...]] = {
    "audiophile": (
        "As someone who listens to vinyl and hi-res files,",
        "Compared with my studio gear,",
        "On my commute with lossless tracks,",
        "Tech check:",
    ),
    "home cook": ("For Sunday dinner with the family,", "In my kitchen,", "As a keen home cook,", "After baking and roasting all weekend,"),
    "beauty lover": ("For my evening routine,", "Girls, listen:", "As part of my look,", "My stylist asked about it:"),
    "athlete": ("On my long runs,", "After ten weeks of marathon training,", "At the gym,", "Coach's verdict:"),
    "parent": ("With two kids at home,", "For my daughter's birthday,", "As a teacher and mum,", "Rainy afternoon test:"),
    "gardener": ("Out in the vegetable patch,", "On my balcony,", "As an allotment holder,", "In spring, between the beds,"),
}
CHINESE_THINGS = {"Electronics": "这个电子产品", "Kitchen": "这个厨具", "Beauty": "这款护肤品", "Sports": "这个运动装备", "Toys": "这个玩具", "Stationery": "这个文具", "Garden": "这个园艺用品", "Fashion": "这件"}  # fmt: skip
CHINESE: dict[str, tuple[tuple[str, ...], ...]] = {
    "opener": (("太失望了，", "不推荐购买，", "跟描述完全不符，", "用了{days}天就坏了，"), ("一般般吧，", "还行，没有想象中好，", "中规中矩，", "说不上好也说不上坏，"), ("非常满意，", "超级喜欢，", "第二次买了，", "性价比很高，", "用了{days}天，感觉很好，")),
    "quality": (("{thing}质量很差", "{thing}做工粗糙", "{thing}收到就有问题"), ("{thing}质量一般", "{thing}做工还可以"), ("{thing}质量很好", "{thing}做工精致", "{thing}手感特别棒")),
    "delivery": (("物流太慢了，等了三个星期", "包装都压坏了", "快递员态度恶劣"), ("物流速度正常", "包装比较普通"), ("物流很快，第二天就到了", "包装很用心")),
    "battery": (("电池一个小时就没电", "充不进电"), ("续航一般", "电池比宣传的少一点"), ("续航很强", "充一次用一周")),
    "smell": (("味道刺鼻", "有一股怪味"), ("味道有点浓", "香味散得快"), ("味道很好闻", "香味淡淡的很舒服")),
    "fit": (("尺码偏小两号", "完全穿不上"), ("尺码稍微偏小", "建议买大一码"), ("尺码正好", "上身效果很好")),
    "closer": (("，要求退货。", "，再也不买了。", "。"), ("，凑合用吧。", "。", "，看看再说。"), ("，推荐给大家！", "，会回购的。", "，好评！", "。")),
}  # fmt: skip
CHINESE_ASPECT = {"Electronics": "battery", "Beauty": "smell", "Fashion": "fit"}
