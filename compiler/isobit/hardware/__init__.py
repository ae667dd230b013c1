"""Boards as data and the cost of template instances."""

from isobit.hardware.board import Board, board_names, load_board
from isobit.hardware.cost import Cost

__all__ = ["Board", "Cost", "board_names", "load_board"]
