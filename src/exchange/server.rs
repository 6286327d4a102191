//! A server: a thread that runs an inbox's calls in its interpreter, without the lock of any other Python.

use std::cell::Cell;

use crate::error::Error;
use crate::exchange::call::Call;
use crate::exchange::inbox::{Inbox, Runner, ServerGuard};
use crate::exchange::request::{Known, Loans, Owner, Request};
use crate::interp::error::InterpError;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::reply::Reply;

/// What became of a call of an interpreter.
pub enum Outcome {
    /// The interpreter's reply.
    Reply(Reply),
    /// The interpreter failed.
    Failed(InterpError),
    /// Nobody will answer: the inbox was given up.
    Lost,
}

impl Outcome {
    /// For [`Inbox::new`].
    pub fn lost() -> Self {
        Self::Lost
    }
}

/// A call that an interpreter answers.
pub type InterpreterCall = Call<Request, Outcome>;
/// An inbox of such calls.
pub type InterpreterInbox = Inbox<Request, Outcome>;

/// The reply of an interpreter that does not know the function of a request, which it got without the function.
const UNKNOWN: &[u8] = b"u";

/// The reply of an interpreter that goes on with a call by itself, and has the inbox resume it later.
const LATER: &[u8] = b"l";

thread_local! {
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The number of the call that this thread, a server, runs.
pub fn current_call() -> Option<u64> {
    CURRENT.get()
}

impl Runner for Interpreter {
    fn interrupt(&self) -> bool {
        // In the child of a fork nothing runs.
        Interpreter::interrupt(self).unwrap_or(false)
    }

    fn is_alive(&self) -> bool {
        !self.is_dead()
    }
}

/// How a server treats memory that is lent for a call alone.
pub struct LoanPolicy<'a> {
    /// The request that makes the interpreter let go of what nothing there needs; it is sent if memory of a call that is
    /// over is still in use.
    pub collect: &'a [u8],
    /// Called with the owner of each lent memory that an interpreter has taken with it, before the call fails by which it
    /// died.
    pub lost: &'a dyn Fn(Owner),
}

/// Runs the inbox's calls until it is closed and empty.
///
/// Errors: that of the interpreter if it is dead, and cannot run the calls that are left; [`InterpError::Forked`] if this is
/// the child of a fork, perhaps one that a call has made.
pub fn serve(
    inbox: &InterpreterInbox,
    interpreter: &'static Interpreter,
    policy: &LoanPolicy<'_>,
) -> Result<(), InterpError> {
    let of_core = |_: Error| InterpError::Forked; // the only one that there can be
    let _guarded = interpreter.guard_this_thread();
    let mut server: ServerGuard<'_, Request, Outcome> = inbox.serve(interpreter).map_err(of_core)?;
    let (mut known, mut loans) = (Known::default(), Loans::default());
    let mut has_deferred = false;
    while let Some(request) = server.take_next().map_err(of_core)? {
        let Some(call) = server.call_id() else { break };
        let before = CURRENT.replace(Some(call));
        let mut run = || run(interpreter, &request, &mut known);
        // What is deferred is interrupted where it runs: an interrupt here would end the call, and not what that does.
        let result = if has_deferred { interpreter.without_interrupts(run) } else { run() };
        CURRENT.set(before);
        loans.add(call, request);
        if result.as_ref().is_ok_and(|reply| reply.copied() == Some(LATER)) {
            server.defer().map_err(of_core)?;
            has_deferred = true;
            continue;
        }
        match result {
            Err(InterpError::Died(_) | InterpError::Exiting) => loans.take_owners().for_each(policy.lost),
            _ if loans.has_any_of(call) => drop(interpreter.call(policy.collect, Vec::new())),
            _ => (),
        }
        server.finish(result.map_or_else(Outcome::Failed, Outcome::Reply)).map_err(of_core)?;
    }
    let Some(death) = interpreter.death() else { return Ok(()) };
    loans.take_owners().for_each(policy.lost);
    server.fail_deferred(|| Outcome::Failed(death.clone())).map_err(of_core)?;
    Err(death)
}

/// Sends a request, with its function if the interpreter does not know that.
fn run(interpreter: &Interpreter, request: &Request, known: &mut Known) -> Result<Reply, InterpError> {
    loop {
        let (bytes, memory) = known.prepare(request);
        let reply = interpreter.call(&bytes, memory)?;
        if reply.copied() != Some(UNKNOWN) {
            known.add(request);
            return Ok(reply);
        }
        if !known.remove(request) {
            return Ok(reply); // it was sent the function, so this is not what the reply means
        }
    }
}
