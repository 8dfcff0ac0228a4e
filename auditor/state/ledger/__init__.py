"""The durable record of runs, plans, writes, bulk calls, decisions and erased people.

What is asked of it, and in which module that stands:

    recorded   verify, head                       prove that nothing was changed
    runs       runs, last_run                     `auditor runs`, the trend, the guard against a side that shrank
               plan, plans, plans_of              what was planned
               record_structure                   what was added to the table structure, an intent before each call
    written    intend, settle                     an intent before each call, an outcome after it
               states                             how far a plan has come: what `apply` resumes from
               effects                            what a plan did or may have done: what `undo` takes back
               writes_of                          everything that was written to one profile
               pending, unsettled                 what was sent and no export shows yet; what nobody has confirmed
               told_by_export                     what a newer export confirms or denies; to `suppose` it, and to
                                                  `record_settled`
               latest_shown                       how long a write took at most until it was shown
    own_work   permission_writes, undone          what a plan must respect: permissions we sent, changes taken back
               around_opt_outs                    whether anybody has touched a profile since
               last_written                       when a decision was carried out
               corrected                          what both sides agreed on when we had written it
    bulk_calls intend_import, import_event        the same for a bulk call; `bulk_calls`: what is left of a day's quota
               by_file, overwritten               cells that went by file, and edits that they overwrote
    persons    last_of_each, under_keys_of_now    which writes are of one person, whatever keys they had
    people     decide, decisions, every_decision  what stewards chose
               newcomer                           what stands for somebody whom the platform does not have yet
               pin, pins                          cells that somebody says are right on the platform
               remember_erased, erased_among      people who must not come back, as keyed hashes
               recorded_of, empty, compact        what is emptied of them
               keys, rekey, rekeyed               keys that were given anew: everything recorded goes by the new ones

Nothing is ever updated: an outcome is a row of its own and the last one counts (see `auditor.state.ledger.chain`).
"""

from auditor.state.ledger.bulk_calls import Imported, quota_day
from auditor.state.ledger.own_work import OwnWork
from auditor.state.ledger.people import People
from auditor.state.ledger.recorded import FILE
from auditor.state.ledger.runs import Runs


class Ledger(Runs, Imported, OwnWork, People):
    """The ledger of one licence. Open it with `with Ledger(state_folder) as ledger:`; threads may share it.

    Methods raise TryLater when the file cannot be read or written now.
    """


__all__ = ["FILE", "Ledger", "quota_day"]
