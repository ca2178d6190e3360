"""Knows what a row of a payments file is: counted as revenue, taken off it, or none of it.

Words are compared without case and punctuation. A word that is not here is asked for: it is never read as a sale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..errors import UsageError
from .table_file import plain


class Effect(Enum):
    """What a row does to revenue."""

    COUNTED = "counted"
    # Its amount is taken off revenue, with whatever sign it is written.
    TAKEN_OFF = "taken off"
    LEFT_OUT = "not counted"


@dataclass(frozen=True, slots=True)
class Kind:
    """A word for the reader, as the file writes it, and what rows of it do."""

    word: str
    effect: Effect


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_STATUS_COUNTED: Final = _words(
    "paid succeeded success successful complete completed settled captured posted cleared partially_refunded "
    "partial_refund paid_out_of_band payment_received"
)
_STATUS_LEFT_OUT: Final = _words(
    "void voided draft uncollectible failed failure open unpaid past_due overdue canceled cancelled pending "
    "processing incomplete incomplete_expired expired uncaptured authorized authorised blocked declined rejected "
    "deleted requires_payment_method requires_confirmation requires_action requires_capture unsuccessful error "
    "written_off "
    "write_off bad_debt sent issued outstanding awaiting_payment in_transit in_progress scheduled queued reversed "
    "not_paid bounced"
)
# A status of these takes the whole amount back where no column says how much of it.
REFUNDED: Final = _words("refunded fully_refunded charged_back chargeback")
PARTLY_REFUNDED: Final = _words("partially_refunded partial_refund")
_TYPE_COUNTED: Final = _words(
    "charge payment sale sales invoice invoiceitem invoice_item line_item line subscription subscription_item order "
    "purchase revenue income usage metered overage recurring one_time onetime license licence seat seats addon add_on "
    "setup renewal upgrade new expansion prepaid topup_sale service services product products plan item debit_note "
    "refund_failure payment_failure_refund dispute_reversal dispute_won charge_back_reversal chargeback_reversal "
    "monthly yearly annual quarterly weekly proration commitment minimum support consulting training"
)
_TYPE_TAKEN_OFF: Final = _words(
    "refund payment_refund credit credit_note creditnote creditmemo credit_memo chargeback charge_back dispute "
    "charge_failure partial_capture_reversal payment_reversal discount rebate reimbursement storno return"
)
_TYPE_LEFT_OUT: Final = _words(
    "payout payouts payout_reversal payout_failure payout_cancel payout_minimum_balance_hold "
    "payout_minimum_balance_release minimum_balance_hold transfer transfer_reversal transfer_cancel transfer_failure "
    "transfer_refund outbound_transfer inbound_transfer fee fees stripe_fee stripe_fx_fee processing_fee network_cost "
    "tax tax_fee stripe_fee_tax vat sales_tax topup topup_reversal withdrawal bank_transfer risk_reserved_funds "
    "reserved_funds reserve_transaction connect_reserved_funds payment_network_reserve_hold "
    "payment_network_reserve_release payment_network_reserved_funds connect_collection_transfer contribution "
    "currency_conversion unreconciled_customer_funds payment_unreconciled advance advance_funding "
    "anticipation_repayment financing_paydown financing_paydown_reversal financing_payout financing_payout_reversal "
    "climate_order_purchase climate_order_refund issuing_authorization_hold issuing_authorization_release "
    "issuing_dispute issuing_dispute_fraud_liability_debit issuing_dispute_provisional_credit "
    "issuing_dispute_provisional_credit_reversal issuing_disbursement issuing_transaction validation "
    "authorization total subtotal balance"
)


class Kinds:
    """Reads statuses and types; `counted` and `left_out` are the caller's own words, which go first.

    Raises UsageError for a word in both.
    """

    def __init__(self, counted: Iterable[str] = (), left_out: Iterable[str] = ()) -> None:
        self._counted, self._left_out = frozenset(map(_key, counted)), frozenset(map(_key, left_out))
        if both := self._counted & self._left_out:
            raise UsageError(f"{min(both)!r} is given with --count and with --skip.", "Give it with one of them.")

    def of_status(self, word: str) -> Kind | None:
        """The kind of a row of this status; None for an unknown one."""
        effect = self._given(word)
        if effect is None:
            if plain(word) in _STATUS_COUNTED | REFUNDED:
                effect = Effect.COUNTED
            elif plain(word) in _STATUS_LEFT_OUT:
                effect = Effect.LEFT_OUT
        return None if effect is None else Kind(_spaced(word), effect)

    def of_type(self, word: str) -> Kind | None:
        """The kind of a row of this type or reporting category; None for an unknown one."""
        effect = self._given(word)
        if effect is None:
            if plain(word) in _TYPE_COUNTED:
                effect = Effect.COUNTED
            elif plain(word) in _TYPE_TAKEN_OFF:
                effect = Effect.TAKEN_OFF
            elif plain(word) in _TYPE_LEFT_OUT:
                effect = Effect.LEFT_OUT
        return None if effect is None else Kind(_spaced(word), effect)

    def _given(self, word: str) -> Effect | None:
        if _key(word) in self._counted:
            return Effect.COUNTED
        return Effect.LEFT_OUT if _key(word) in self._left_out else None


def _key(word: str) -> str:
    """As words are compared; those without any Latin letter stay as they are."""
    return plain(word) or word.strip().casefold()


def _spaced(word: str) -> str:
    return word.strip().lower().replace("_", " ")
