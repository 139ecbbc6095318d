"""How many decimals a currency has: ISO 4217, the table of active codes of 2024-06-25 ("minor units").

Only the codes whose number is not two are listed; a code that ISO gives none (gold, a test) has two.
"""

from __future__ import annotations

USUAL = 2
_NONE = ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0)
_THREE = ("BHD IQD JOD KWD LYD OMR TND", 3)
_FOUR = ("CLF UYW", 4)
DECIMALS = {code: count for codes, count in (_NONE, _THREE, _FOUR) for code in codes.split()}


def decimals(currency: object) -> int:
    """How many decimals an amount in this currency has at most, in any case: two where it is not known."""
    return DECIMALS.get(currency[:8].upper(), USUAL) if isinstance(currency, str) else USUAL
