//! The interpreter's own thread.
//!
//! Python takes the thread that initialises it for its main thread, and remembers it. So that thread never ends, and
//! serves: whoever asks it for something need not wait for the GIL.

use std::cell::Cell;
use std::ffi::c_ulong;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::cpython::attach::RunningPython;
use crate::interp::cpython::buffer::BufferView;
use crate::interp::cpython::free_threading::StopTheWorld;
use crate::interp::cpython::gil::Gil;
use crate::interp::exit::abandon::protect_frames;
use crate::interp::exit::life::Life;
use crate::interp::interpose::{self, record_locks};
use crate::interp::runtime::bootstrap::Functions;
use crate::interp::runtime::in_progress::InProgress;
use crate::interp::runtime::last_words::speak;
use crate::interp::runtime::main_thread::MainRequest;
use crate::interp::runtime::returned_views::{Due, ReturnedViews, SOON};
use crate::sys::process;
use crate::sys::unwind::park_forever;

/// A command to the interpreter's own thread. (A *request* is code that a user's thread runs in the interpreter.)
pub(crate) enum ServiceCommand {
    /// Release the buffers that were returned, unless a request does it soon.
    ReleaseSoon,
    /// Release them.
    Release,
    /// Call a function of the interpreter's, with the GIL.
    Call(Box<dyn FnOnce() + Send>),
    /// Deliver the interrupts of the requests that are in progress.
    Interrupt,
    /// Take the GIL, report that, and keep it forever.
    Stop(Sender<()>),
    /// The same, after what Python and the libraries have called when the process exits.
    End(Ending),
    /// The interpreter is dead: take the GIL and keep it forever. Before that, note the stack of this thread, and flush the
    /// output.
    Die(Option<c_ulong>),
    /// The interpreter is dead, and the GIL is not released any more: wake threads that sleep.
    Wake,
    /// Panic with the GIL held.
    #[cfg(test)]
    Panic,
}

/// The steps of an interpreter's end, when the process exits.
pub(crate) struct Ending {
    /// Python's exit functions have been called.
    pub(crate) python_ended: Sender<()>,
    /// Now those of libraries are to be called; not if the sender is gone.
    pub(crate) end_libraries: Receiver<()>,
    /// The interpreter has stopped.
    pub(crate) stopped: Sender<()>,
}

/// Sends commands to the thread.
#[derive(Clone)]
pub(crate) struct ServiceHandle {
    commands: Sender<ServiceCommand>,
    returned: Arc<ReturnedViews>,
    /// The process that has the thread.
    process: u64,
}

impl ServiceHandle {
    /// Sends a command. This does not wait.
    pub(crate) fn post(&self, command: ServiceCommand) {
        // The thread never ends, so that somebody receives it.
        let _ = self.commands.send(command);
    }

    /// Releases the buffers that were returned, in a request.
    pub(crate) fn release_returned(&self, gil: Gil<'_>) {
        self.returned.release(gil);
    }
}

/// Gives views back to the interpreter that they are of.
pub(crate) struct ViewReturner(ServiceHandle);

impl ViewReturner {
    pub(crate) fn new(service: &ServiceHandle) -> Self {
        Self(service.clone())
    }

    /// Has the views released soon. In the child of a fork, which has no such thread, it does nothing. (The reply may
    /// have been made there, if the request itself forked.)
    pub(crate) fn release(&self, views: Vec<BufferView>) {
        if self.0.process != process::token() {
            return;
        }
        match self.0.returned.add(views) {
            Due::Told => (),
            Due::Soon => self.0.post(ServiceCommand::ReleaseSoon),
            Due::Now => self.0.post(ServiceCommand::Release),
        }
    }
}

/// What the interpreter's own thread works with.
pub(crate) struct Service {
    python: RunningPython,
    functions: Functions,
    in_progress: Arc<InProgress>,
    main: Arc<MainRequest>,
    commands: Receiver<ServiceCommand>,
    returned: Arc<ReturnedViews>,
    /// When those are to be released, if there may be some.
    release_time: Cell<Option<Instant>>,
    /// The copy's number.
    number: usize,
    /// In a free-threaded build.
    world: Option<StopTheWorld>,
    /// After an interrupt: when threads that sleep are woken again, and the pause after that.
    next_wake: Cell<Option<(Instant, Duration)>>,
}

/// The pauses between the attempts to wake an interrupted thread: it may have been about to sleep.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

impl Service {
    /// # Safety
    /// These are the functions of `_ungil` in the same copy. `world` is that of the copy, which is a free-threaded build
    /// then.
    pub(crate) unsafe fn new(
        python: RunningPython,
        functions: Functions,
        (in_progress, main): (Arc<InProgress>, Arc<MainRequest>),
        number: usize,
        world: Option<StopTheWorld>,
    ) -> (Self, ServiceHandle) {
        let (sender, commands) = mpsc::channel();
        let returned = Arc::<ReturnedViews>::default();
        let handle =
            ServiceHandle { commands: sender, returned: Arc::clone(&returned), process: process::token() };
        let (release_time, next_wake) = (Cell::default(), Cell::default());
        let service = Self {
            python,
            functions,
            in_progress,
            main,
            commands,
            returned,
            release_time,
            number,
            world,
            next_wake,
        };
        (service, handle)
    }

    /// The life of the thread, which is the main thread of the copy.
    pub(crate) fn run_service(&self) {
        while let Some(command) = self.next_command() {
            // A panic, which has written its line, ends one command; somebody may wait for the next ones.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| self.perform(command)));
            record_locks::leave(self.number);
        }
    }

    /// Waits for a command. Meanwhile it wakes interrupted threads.
    fn next_command(&self) -> Option<ServiceCommand> {
        loop {
            let (wake, release) = (self.next_wake.get(), self.release_time.get());
            let Some(time) = wake.map(|(time, _)| time).into_iter().chain(release).min() else {
                return self.commands.recv().ok();
            };
            match (self.commands.recv_timeout(time.saturating_duration_since(Instant::now())), wake) {
                (Ok(command), _) => return Some(command),
                (Err(_), Some((due, pause))) if due == time => self.wake_interrupted(pause),
                (Err(_), _) => return Some(ServiceCommand::Release),
            }
        }
    }

    /// Wakes the threads of interrupted requests, and does so again after the pause, which grows.
    fn wake_interrupted(&self, pause: Duration) {
        let is_done = !self.in_progress.wake_interrupted() || pause > LAST_PAUSE;
        self.next_wake.set((!is_done).then(|| (Instant::now() + pause, 10 * pause)));
    }

    fn perform(&self, command: ServiceCommand) {
        match command {
            ServiceCommand::ReleaseSoon => self.release_time.set(Some(Instant::now() + SOON)),
            ServiceCommand::Release => self.release_returned(),
            // An error means that the process is exiting: then there is nothing left to do.
            ServiceCommand::Call(function) => {
                let _ = self.python.with_gil(|_| protect_frames(function));
            }
            ServiceCommand::Interrupt => {
                while self.python.with_gil(|gil| self.deliver_interrupts(gil)) == Ok(false) {
                    thread::sleep(Duration::from_millis(1));
                }
                self.wake_interrupted(FIRST_PAUSE);
            }
            ServiceCommand::Stop(stopped) => self.keep_gil_forever(Some(&stopped)),
            ServiceCommand::End(ending) => self.end(&ending),
            ServiceCommand::Die(speaker) => {
                if let Some(thread) = speaker.filter(|_| self.take_gil()) {
                    // SAFETY: this thread holds the GIL of the Python with these functions, and never releases it.
                    let gil = unsafe { Gil::new(self.python.api) };
                    speak(gil, &self.functions, Life::of(self.number), thread);
                }
                self.keep_gil_forever(None)
            }
            ServiceCommand::Wake => self.wake_requests(),
            #[cfg(test)]
            ServiceCommand::Panic => {
                let _ = self.python.with_gil(|_| panic::resume_unwind(Box::new("a test's")));
            }
        }
    }

    fn release_returned(&self) {
        self.release_time.set(None);
        let views = self.returned.take();
        if !views.is_empty() {
            // An error means that the process is exiting: then there is nothing left to do.
            let _ = self.python.with_gil(|gil| views.into_iter().for_each(|view| view.release(gil)));
        }
    }

    /// Takes the GIL and keeps it while it calls what is to be called when the process exits: Python's exit functions, and
    /// those of libraries. If a request has begun meanwhile, nothing is called.
    fn end(&self, ending: &Ending) -> ! {
        let is_idle = self.take_gil() && self.in_progress.is_empty();
        let python_ends =
            is_idle && panic::catch_unwind(AssertUnwindSafe(|| self.end_python())).unwrap_or(false);
        // If nobody receives it, the one who asked has stopped waiting.
        let _ = ending.python_ended.send(());
        if python_ends && ending.end_libraries.recv().is_ok() {
            // SAFETY: the process is exiting, and this is called once: it does not return.
            unsafe { interpose::finalize(self.number) };
        }
        self.keep_gil_forever(Some(&ending.stopped))
    }

    /// Whether no thread can run Python code any more. (In a free-threaded build, threads that are left can.) This thread
    /// holds the GIL.
    fn end_python(&self) -> bool {
        // SAFETY: this thread took the GIL and keeps it, and uses no token elsewhere meanwhile.
        let gil = unsafe { Gil::new(self.python.api) };
        // SAFETY: the function is one of `bootstrap` in this copy, by the contract of `new`, and the token is of this copy's
        // GIL; the function is alive as long as the copy.
        let threads = unsafe { gil.call_with_bytes(self.functions.end, b"") };
        let are_left = threads.and_then(|threads| Ok(!threads.content()?.is_empty()));
        let are_left = are_left.unwrap_or_else(|error| {
            gil.clear(error);
            false
        });
        self.world.is_none() || !are_left
    }

    /// Takes the GIL forever: `false` if another thread of a dead interpreter keeps it. (The exit does not wait for ever.)
    fn take_gil(&self) -> bool {
        loop {
            match self.python.take_gil_forever() {
                Ok(true) => return true,
                Ok(false) => thread::sleep(Duration::from_millis(1)),
                Err(_) => return false,
            }
        }
    }

    /// Takes the GIL and keeps it, or stops the world of a free-threaded Python: no other thread runs Python code from then
    /// on. Then it reports that.
    fn keep_gil_forever(&self, stopped: Option<&Sender<()>>) -> ! {
        if self.take_gil()
            && let Some(world) = self.world
        {
            // SAFETY: this thread has just been attached; by the contract of `new`, the world is that of the copy.
            unsafe { world.forever(|| self.report_and_wake(stopped)) };
        }
        self.report_and_wake(stopped)
    }

    fn report_and_wake(&self, stopped: Option<&Sender<()>>) -> ! {
        Life::of(self.number).set_stopped();
        // If nobody receives it, the one who asked has stopped waiting.
        let _ = stopped.map(|stopped| stopped.send(()));
        record_locks::leave(self.number);
        self.wake_requests();
        park_forever()
    }

    fn wake_requests(&self) {
        // A thread may have been about to sleep when it was woken: it is woken again.
        let mut pause = Duration::from_millis(1);
        while !self.in_progress.is_empty() || !self.are_locks_released() {
            thread::sleep(pause);
            self.in_progress.wake();
            pause = (2 * pause).min(Duration::from_millis(100));
        }
    }

    /// What a dead interpreter has locked is released when its last thread has left C.
    fn are_locks_released(&self) -> bool {
        !Life::of(self.number).is_dead() || record_locks::release_all(self.number)
    }

    /// Whether all interrupts are delivered.
    fn deliver_interrupts(&self, gil: Gil<'_>) -> bool {
        let threads = || {
            // SAFETY: the function is one of `_ungil` in this copy, by the contract of `new`, and the token is of this
            // copy's GIL; the function is alive as long as the copy.
            let text = unsafe { gil.call_with_bytes(self.functions.importing_threads, b"") }?;
            let text = String::from_utf8_lossy(text.content()?).into_owned();
            Ok(text.split(' ').filter_map(|number| number.parse().ok()).collect::<Vec<_>>())
        };
        let importing = threads().unwrap_or_else(|error| {
            gil.clear(error);
            Vec::new()
        });
        self.in_progress.deliver(&importing, |thread| {
            if self.main.interrupt(thread) {
                return true;
            }
            // SAFETY: the token shows that this thread holds the GIL. The variable, which Python set before it started, has
            // an exception type that is alive as long as the copy.
            unsafe { (gil.api.PyThreadState_SetAsyncExc)(thread, *gil.api.PyExc_KeyboardInterrupt) == 1 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_go_back_to_a_thread_of_this_process_only() {
        for (process, posts) in [(process::token(), true), (process::token() + 1, false)] {
            let (commands, received) = mpsc::channel();
            let returned = Arc::default();
            ViewReturner::new(&ServiceHandle { commands, returned, process }).release(Vec::new());
            assert_eq!(received.try_recv().is_ok(), posts);
        }
    }
}
