"""How people head the columns of a shop's tables: English, Chinese and German words, the likeliest first."""

from __future__ import annotations

import re

SYNONYMS: dict[str, tuple[str, ...]] = {
    canonical: tuple(words.split())
    for canonical, words in {
        "product_id": "product_id product asin sku item_id item stock_code stockcode parent_asin goods_id clothing_id upc ean gtin "
        "barcode isbn produkt artikel artikelnummer produit referencia article_id article_number articleid product_code "
        "productid itemid artikelnr artikel_nr 商品id 商品编号 商品编码 产品id 产品编号 货号 条码",
        "user_id": "user_id user customer_id customer reviewer_id client_id buyer_id member_id userid customerid visitor_id visitorid "
        "shopper_id kunde kundennummer kundennr kunden_nr kunden_id customer_unique_id customer_email buyer email "
        "用户id 用户编号 用户 用户名 客户id 客户编号 客户 买家 买家id 买家编号 会员id 会员编号 会员号",
        "review_id": "review_id comment_id reviewid bewertungsnr bewertungsnummer bewertungs_id 评论id 评价id 评论编号 评价编号",
        "event_id": "event_id line_id line_item_id 流水号 流水编号",
        "ticket_id": "ticket_id case_id conversation_id ticket_number case_number 工单id 工单号 工单编号",
        "rating": "rating stars star_rating score overall review_score review_rating grade sterne 评分 星级 打分 分数",
        "title": "title name product_name product_title headline review_title summary review_headline subject "
        "überschrift titel produktname 标题 商品名称 商品名 产品名称 名称",
        "body": "body text review review_text reviewtext review_body review_content review_comment comment comments content message "
        "utterance question feedback query inquiry complaint bewertungstext rezension kommentar "
        "评论 评价 评论内容 评价内容 内容 留言 咨询内容 正文",
        "created_at": "created_at date review_date created timestamp time submitted_at review_creation_date posted_at "
        "reviewed_at datum bewertungsdatum fecha "
        "日期 时间 评论时间 评价时间 创建时间 评论日期",
        "happened_at": "happened_at date timestamp time order_date invoice_date invoicedate created_at event_time "
        "purchase_date purchased_at ordered_at order_purchase_timestamp paid_at orderdate datetime datum bestelldatum "
        "日期 时间 下单时间 付款时间 "
        "订单时间 订单日期 购买时间",
        "language": "language lang locale sprache 语言",
        "helpful": "helpful helpful_votes votes likes upvotes 有用 点赞 点赞数",
        "verified": "verified verified_purchase",
        "description": "description product_description long_description details short_description beschreibung 描述 商品描述 详情",
        "brand": "brand maker manufacturer vendor marke hersteller 品牌 厂商",
        "category": "category product_category type department cat product_type category_name product_category_name kategorie "
        "类别 分类 类目 品类",
        "price": "price unit_price unitprice amount item_price list_price sale_price preis prix precio 价格 单价 售价 金额",
        "kind": "kind event event_type action type behavior behavior_type 行为 行为类型 事件",
        "quantity": "quantity qty pieces units count menge anzahl quantité cantidad 数量 件数",
        "order_id": "order_id invoice_no invoiceno invoice order order_number orderid order_no bestellnummer bestellnr "
        "transaction_id transactionid "
        "订单号 订单id 订单编号",
        "country": "country region shipping_country billing_country land 国家 地区",
        "joined_at": "joined_at registered signup_date created_at registered_at sign_up_date 注册时间 注册日期",
        "intent": "intent reason 意图",
    }.items()
}
WEAK = {"intent": ("label", "category", "topic", "class", "tag", "标签", "类别")}  # proposed once the table is known, never telling of it
SPEAKING = {  # a text under such a name says what the table is
    "reviews": re.compile(r"review|feedback|opinion|bewertung|rezension|评论|评价|点评"),
    "tickets": re.compile(r"utterance|question|message|query|ticket|inquiry|enquiry|complaint|instruction|工单|咨询|留言|问题"),
}
