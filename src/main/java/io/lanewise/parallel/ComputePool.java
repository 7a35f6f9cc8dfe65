package io.lanewise.parallel;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;

/**
 * The threads that compute: a {@link ForkJoinPool} of our own with {@code threads - 1} daemon helpers, beside the
 * caller, who always works too. Work comes in stages of a {@link Team}. A helper goes round all teams that are inside a
 * forward pass and takes one chunk of each in turn, so that sessions share the pool fairly and no team ever waits for a
 * helper that did not come. Between stages helpers spin for a moment, which makes a stage cost well under a microsecond
 * where a fork and join costs 5 to 20; after {@link #SPIN_NANOS} without work they go back to sleep in the pool.
 *
 * <p>More helpers than processors would only make a team wait for one that is not running, so at most as many threads
 * as there are processors are kept busy at once.
 */
public final class ComputePool implements AutoCloseable {
    /** How long a helper without work looks for some before it sleeps: longer than sampling a token takes. */
    static final long SPIN_NANOS = 200_000;

    /** Looks for work in a tight loop before a helper starts to give way to other threads: about 20 us. */
    private static final int SPIN_ROUNDS = 500;
    private static final int MAX_THREADS = 1024;
    private static final int MAX_TEAMS = 256;

    private final int threads;
    private final ForkJoinPool pool;
    private final Helper[] helpers;
    private final AtomicReferenceArray<Team> active = new AtomicReferenceArray<>(MAX_TEAMS);
    private final AtomicInteger usedSlots = new AtomicInteger();
    private final AtomicInteger sleeping = new AtomicInteger();
    private final AtomicBoolean started = new AtomicBoolean();
    private volatile boolean closed;

    /**
     * A pool of this many threads, the caller's included.
     *
     * @throws IllegalArgumentException unless threads is 1 to 1024
     */
    public ComputePool(int threads) {
        this(threads, Runtime.getRuntime().availableProcessors());
    }

    /** For tests: keeps up to {@code processors} threads busy, however many this machine has. */
    ComputePool(int threads, int processors) {
        if (threads < 1 || threads > MAX_THREADS) {
            throw new IllegalArgumentException("threads: expected 1 to " + MAX_THREADS + ", got " + threads);
        }
        this.threads = threads;
        this.helpers = new Helper[Math.min(threads, Math.max(1, processors)) - 1];
        for (int i = 0; i < helpers.length; i++) {
            helpers[i] = new Helper(i + 1);
        }
        this.pool = helpers.length == 0 ? null : new ForkJoinPool(helpers.length, ComputePool::newWorker, null, false);
    }

    private static ForkJoinWorkerThread newWorker(ForkJoinPool pool) {
        ForkJoinWorkerThread worker = ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
        worker.setName("lanewise-compute-" + worker.getPoolIndex());
        worker.setDaemon(true);
        return worker;
    }

    /** A pool with a thread for each physical core that every part of the process may share; never closed. */
    public static ComputePool shared() {
        return Shared.POOL;
    }

    private static final class Shared {
        static final ComputePool POOL = new ComputePool(Machine.PHYSICAL_CORES);
    }

    /** The size of the pool, the caller included: worker indices given to a {@link StageBody} stay below it. */
    public int threads() {
        return threads;
    }

    /** A team for one thread at a time; make one for each session and keep it. */
    public Team newTeam() {
        return new Team(this);
    }

    /**
     * Runs {@code body} over {@code [0, range)} in chunks of {@code grain} indices and waits for all of them.
     *
     * @throws RuntimeException the first exception of a chunk; chunks that had not started are left out then
     */
    public void parallelFor(int range, int grain, StageBody body) {
        Team team = newTeam();
        team.enter();
        try {
            team.run(range, grain, body);
        } finally {
            team.exit();
        }
    }

    /** Ends the helpers. Teams go on with their leader alone. */
    @Override
    public void close() {
        closed = true;
        for (Helper helper : helpers) {
            helper.wake();
        }
        if (pool != null) {
            pool.shutdown();
        }
    }

    /** Puts a team where helpers see it; -1 where the leader works alone: no helpers, or every slot taken. */
    int register(Team team) {
        if (helpers.length == 0 || closed) {
            return -1;
        }
        startHelpers();
        for (int slot = 0; slot < MAX_TEAMS; slot++) {
            if (active.get(slot) == null && active.compareAndSet(slot, null, team)) {
                usedSlots.accumulateAndGet(slot + 1, Math::max);
                return slot;
            }
        }
        return -1;
    }

    void unregister(int slot) {
        if (slot >= 0) {
            active.set(slot, null);
        }
    }

    /** Wakes the helpers that sleep; the team's work must be visible before this is called. */
    void wakeHelpers() {
        if (sleeping.get() > 0) {
            for (Helper helper : helpers) {
                helper.wake();
            }
        }
    }

    private void startHelpers() {
        if (!started.get() && started.compareAndSet(false, true)) {
            try {
                for (Helper helper : helpers) {
                    pool.execute(helper);
                }
            } catch (RejectedExecutionException closedMeanwhile) {
                // Leaders go on alone.
            }
        }
    }

    /** One worker's task for the life of the pool. */
    private final class Helper implements Runnable {
        private final int worker;
        private final AtomicBoolean asleep = new AtomicBoolean();
        private volatile Thread thread;
        private int firstSlot;

        Helper(int worker) {
            this.worker = worker;
        }

        void wake() {
            if (asleep.get() && asleep.compareAndSet(true, false)) {
                sleeping.decrementAndGet();
                LockSupport.unpark(thread);
            }
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            while (!closed) {
                workUntilIdle();
                sleepUntilWoken();
            }
        }

        private void workUntilIdle() {
            long idleSince = 0;
            int idleRounds = 0;
            while (idleRounds <= SPIN_ROUNDS || System.nanoTime() - idleSince < SPIN_NANOS) {
                if (helpTeams()) {
                    idleRounds = 0;
                } else if (++idleRounds < SPIN_ROUNDS) {
                    Thread.onSpinWait();
                } else if (idleRounds == SPIN_ROUNDS) {
                    idleSince = System.nanoTime();
                } else {
                    Thread.yield();
                }
            }
        }

        /** A leader that publishes work after our last look sees {@code sleeping} and wakes us: nobody is missed. */
        private void sleepUntilWoken() {
            asleep.set(true);
            sleeping.incrementAndGet();
            if (helpTeams()) {
                wake();
            }
            while (asleep.get() && !closed) {
                LockSupport.park(ComputePool.this);
            }
        }

        /** One chunk of each active team, starting with another team each time. */
        private boolean helpTeams() {
            int slots = usedSlots.get();
            boolean helped = false;
            for (int i = 0; i < slots; i++) {
                Team team = active.get((firstSlot + i) % slots);
                if (team != null && team.runOneChunk(worker)) {
                    helped = true;
                }
            }
            firstSlot++;
            if (firstSlot >= slots) {
                firstSlot = 0;
            }
            return helped;
        }
    }
}
