"""The catalogue and the orders, as JSON under /api."""

from typing import Any

from shop.database import Database
from shop.web import Answer, Refused, Request, as_json


class Api:
    """Serves what the database holds. With `reviews`, products come with their stars."""

    def __init__(self, database: Database, *, reviews: bool) -> None:
        self.database = database
        self.reviews = reviews

    async def answer(self, request: Request) -> Answer:
        match [request.method, *request.path.strip("/").split("/")]:
            case ["GET", "api", "products"]:
                return as_json(200, {"products": self.database.products(reviews=self.reviews)})
            case ["GET", "api", "products", number]:
                product = self.database.product(number_in(number), reviews=self.reviews)
                return found(product, f"There is no product {number}.")
            case ["GET", "api", "orders", number]:
                return found(self.database.order(number_in(number)), f"There is no order {number}.")
            case ["POST", "api", "orders"]:
                return await self.place_order(await request.json())
            case [_, "api", "products" | "orders", *rest] if len(rest) <= 1:
                raise Refused(405, f"{request.method} is not what {request.path} is for.")
            case _:
                raise Refused(404, f"There is nothing at {request.path}.")

    async def place_order(self, wish: object) -> Answer:
        """Write the order down; the answer means that it is in the database."""
        match wish:
            case {"product": int(product), "quantity": int(quantity)} if 0 < quantity <= 100:
                pass
            case _:
                raise Refused(400, 'An order is {"product": number, "quantity": 1 to 100}.')
        order = await self.database.place_order(product, quantity)
        if order is None:
            raise Refused(400, f"There is no product {product}.")
        return as_json(201, order, (b"location", f"/api/orders/{order['id']}".encode()))

    def checks(self) -> dict[str, str]:
        return {"database": self.database.check()}

    def close(self) -> None:
        self.database.close()


def number_in(text: str) -> int:
    """The number in a path; 0, which nothing has, when it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def found(row: dict[str, Any] | None, otherwise: str) -> Answer:
    """The row, or 404."""
    if row is None:
        raise Refused(404, otherwise)
    return as_json(200, row)
