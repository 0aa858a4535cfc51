"""What the sample shop's customers ask its service: eight intents in many words."""

from __future__ import annotations

import numpy as np

INTENTS: dict[str, tuple[str, ...]] = {
    "where_is_my_order": ("Where is my {thing}?", "My order {order} should have been here {days} days ago", "tracking has not moved since last week", "Any news on parcel {order}?", "still waiting for my {thing}, when will it come", "我的订单{order}什么时候到？"),
    "return_item": ("I would like to send the {thing} back", "How do I return order {order}?", "need a return label for my {thing}", "the {thing} does not suit me, return please", "Can I bring a {thing} back after {days} days?", "我想退货，订单{order}"),
    "refund": ("When do I get my money back for {order}?", "I returned the {thing} {days} days ago and still no refund", "Refund for order {order} is missing", "You charged me but the refund never came", "退款什么时候到账？"),
    "damaged": ("The {thing} arrived broken", "box was crushed and the {thing} is scratched", "My {thing} stopped working after {days} days", "There is a crack in the {thing} from order {order}", "收到的商品是坏的"),
    "change_order": ("Can I change the colour of order {order}?", "please send {order} to another address", "I ordered two {thing}s by mistake, make it one", "Change my delivery date please", "我想修改收货地址"),
    "cancel_order": ("Please cancel order {order}", "I do not need the {thing} any more, cancel it", "stop my order from today", "Cancel {order} before it ships", "请取消订单{order}"),
    "product_question": ("Is the {thing} waterproof?", "Which size of {thing} do I need?", "Does the {thing} come with a warranty?", "How long does the {thing} last?", "What is the {thing} made of?", "这个产品有保修吗？"),
    "payment_problem": ("My card was declined three times", "I was charged twice for {order}", "paypal does not work at checkout", "The voucher code is not accepted", "the invoice for {order} shows the wrong amount", "付款失败了怎么办？"),
}  # fmt: skip
GREETINGS = ("Hi, ", "Hello, ", "", "", "", "Good morning, ", "Dear team, ", "hey ")
ENDINGS = ("", "", "", " Thanks", " Please help.", " Kind regards", " Waiting for your answer.", "!!")


def ticket(random: np.random.Generator, intent: str, thing: str) -> str:
    """One ticket's text."""
    pick = INTENTS[intent][int(random.integers(0, len(INTENTS[intent])))]
    text = pick.format(thing=thing, order=f"#{random.integers(10000, 99999)}", days=int(random.integers(2, 30)))
    if "\u4e00" <= text[0] <= "\u9fff":
        return text
    return GREETINGS[int(random.integers(0, len(GREETINGS)))] + text + ENDINGS[int(random.integers(0, len(ENDINGS)))]
