"""The sample shop's products: eight categories of three kinds of things each, their brands and prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

THINGS: dict[str, dict[str, tuple[str, float, tuple[str, ...]]]] = {
    "Electronics": {
        "Headphones": ("headphones", 89, ("over-ear", "in-ear", "wireless", "noise-cancelling", "studio")),
        "Speakers": ("speaker", 69, ("portable", "waterproof", "bookshelf", "smart", "mini")),
        "Chargers": ("charger", 29, ("fast", "wireless", "travel", "solar", "four-port")),
    },
    "Kitchen": {
        "Cookware": ("pan", 49, ("cast-iron", "non-stick", "copper", "deep", "grill")),
        "Coffee": ("coffee maker", 79, ("drip", "pour-over", "moka", "espresso", "cold-brew")),
        "Knives": ("knife", 39, ("chef's", "paring", "bread", "santoku", "carving")),
    },
    "Beauty": {
        "Skincare": ("face cream", 24, ("day", "night", "hydrating", "vitamin C", "sensitive-skin")),
        "Hair": ("shampoo", 16, ("repairing", "volume", "anti-frizz", "argan", "gentle")),
        "Fragrance": ("perfume", 59, ("citrus", "rose", "amber", "fresh", "vanilla")),
    },
    "Sports": {
        "Running": ("running belt", 27, ("reflective", "slim", "trail", "elastic", "hydration")),
        "Yoga": ("yoga mat", 35, ("cork", "extra-thick", "travel", "non-slip", "printed")),
        "Cycling": ("bike light", 32, ("rechargeable", "front", "rear", "helmet", "ultra-bright")),
    },
    "Toys": {
        "Building Sets": ("building set", 44, ("castle", "space station", "city", "dinosaur", "train")),
        "Puzzles": ("puzzle", 18, ("1000-piece", "wooden", "world map", "3D", "animal")),
        "Plush": ("plush toy", 22, ("bear", "unicorn", "rabbit", "penguin", "dragon")),
    },
    "Stationery": {
        "Notebooks": ("notebook", 12, ("dotted", "leather", "recycled", "pocket", "spiral")),
        "Pens": ("pen set", 15, ("gel", "fountain", "brush", "fineliner", "calligraphy")),
        "Planners": ("planner", 21, ("weekly", "academic", "undated", "desk", "goal")),
    },
    "Garden": {
        "Tools": ("pruner", 26, ("bypass", "telescopic", "ergonomic", "ratchet", "compact")),
        "Plants": ("seed box", 17, ("herb", "wildflower", "tomato", "salad", "chili")),
        "Lighting": ("garden lamp", 38, ("solar", "string", "path", "lantern", "motion")),
    },
    "Fashion": {
        "Shoes": ("sneakers", 74, ("canvas", "leather", "running", "slip-on", "high-top")),
        "Jackets": ("jacket", 95, ("rain", "denim", "quilted", "fleece", "wind")),
        "Bags": ("backpack", 58, ("roll-top", "laptop", "canvas", "mini", "anti-theft")),
    },
}
BRANDS = {
    "Electronics": ("Auralis", "Voltic", "Nordwave", "Pulsar"),
    "Kitchen": ("Ferrum", "Casa Lume", "Brühwerk", "Tavola"),
    "Beauty": ("Lumière", "Botanika", "Silkroot", "Maison Ove"),
    "Sports": ("Kinetik", "Trailhead", "Asana Co", "Velo9"),
    "Toys": ("Bricko", "Wunderkind", "Lulu & Bear", "Puzzlewood"),
    "Stationery": ("Papyra", "Inkling", "Slate & Co", "Daybook"),
    "Garden": ("Grünhaus", "Rootwell", "Meadow", "Solis"),
    "Fashion": ("Urbano", "Northbound", "Tessera", "Canvas Row"),
}
_CARES = {
    "Electronics": "Battery for up to {n} hours, pairs in seconds, two-year warranty.",
    "Kitchen": "Even heat, easy to clean, made to last {n} years of daily cooking.",
    "Beauty": "Dermatologically tested, {n} ml, free of parabens.",
    "Sports": "Light and sweat-proof, tested over {n} kilometres of training.",
    "Toys": "For children from {n} years, certified colours, sturdy parts.",
    "Stationery": "{n} pages of thick paper that ink does not bleed through.",
    "Garden": "Weatherproof, for gardens and balconies of {n} square metres and more.",
    "Fashion": "True to size, water-repellent, {n} colours to choose from.",
}


@dataclass(frozen=True)
class Product:
    """A product with its popularity (relative) and the share of its buyers whom it disappoints."""

    id: str
    title: str
    description: str
    brand: str
    category: str
    price: float
    popularity: float
    disappoints: float

    @property
    def top(self) -> str:
        return self.category.split(" > ")[0]

    @property
    def thing(self) -> str:
        top, sub = self.category.split(" > ")
        return THINGS[top][sub][0]


def products(random: np.random.Generator) -> list[Product]:
    """240 products, ten of each of the 24 kinds of things."""
    made: list[Product] = []
    for top, kinds in THINGS.items():
        for sub, (thing, base, adjectives) in kinds.items():
            for i in range(10):
                brand = BRANDS[top][int(random.integers(0, 4))]
                adjective = adjectives[i % len(adjectives)]
                title = f"{brand} {adjective} {thing}{'' if i < 5 else ' ' + ('Plus', 'Pro', 'II', 'XL', 'Lite')[i - 5]}"
                care = _CARES[top].format(n=int(random.integers(4, 60)))
                text = f"The {adjective} {thing} by {brand}. {care}"
                price = round(float(base * random.uniform(0.6, 1.7)), 0) - 0.01
                popularity = float(1.0 / (1 + i) ** 0.8 * random.uniform(0.7, 1.3))
                number = len(made) + 1
                made.append(Product(f"P{number:03}", title, text, brand, f"{top} > {sub}", price, popularity, float(random.beta(2.5, 17))))
    return made
