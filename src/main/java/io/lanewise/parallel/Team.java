package io.lanewise.parallel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs stage after stage for one leader thread, with whatever helpers the pool has free. A stage is cut into chunks;
 * leader and helpers claim them one by one, and the stage ends when the last is done, which is the barrier between
 * stages. Between {@link #enter} and {@link #exit} helpers keep watching, so a forward pass enters once and then runs
 * all its stages. Nothing is allocated. A team serves one thread at a time.
 */
public final class Team {
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Team.class, "state", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final ComputePool pool;
    private final AtomicInteger pending = new AtomicInteger();
    /** Chunks of the current stage in the high half, chunks claimed so far in the low half. */
    private volatile long state;
    /** The current stage; stable for whoever holds a claimed chunk, since the stage cannot end before that chunk. */
    private StageBody body;
    private int range;
    private int grain;
    private volatile Throwable failure;
    private int slot = -1;
    private int depth;

    Team(ComputePool pool) {
        this.pool = pool;
    }

    /** The size of the pool: worker indices stay below it. */
    public int threads() {
        return pool.threads();
    }

    /** Begins a run of stages; helpers spin for the next one until {@link #exit}. May be nested. */
    public void enter() {
        if (depth++ == 0) {
            slot = pool.register(this);
        }
    }

    /** Ends what {@link #enter} began. */
    public void exit() {
        if (--depth == 0) {
            pool.unregister(slot);
            slot = -1;
        }
    }

    /**
     * Runs {@code body} over {@code [0, range)} in chunks of {@code grain} indices and returns when all are done. What
     * the chunks wrote is visible to the caller and to every later stage.
     *
     * @throws RuntimeException the first exception of a chunk, which other chunks' exceptions join as suppressed;
     *     chunks that had not started are left out then
     */
    public void run(int range, int grain, StageBody body) {
        if (range < 0 || grain < 1) {
            throw new IllegalArgumentException("run: expected range >= 0 and grain >= 1, got " + range + ", " + grain);
        }
        int chunks = (int) (((long) range + grain - 1) / grain);
        if (chunks <= 1 || pool.threads() == 1 || slot < 0) {
            if (range > 0) {
                body.run(0, range, 0);
            }
            return;
        }
        this.body = body;
        this.range = range;
        this.grain = grain;
        pending.set(chunks);
        state = (long) chunks << 32;
        pool.wakeHelpers();
        while (runOneChunk(0)) {
            // The leader works like any other.
        }
        awaitOthers();
        this.body = null;
        if (failure != null) {
            rethrow();
        }
    }

    /** Claims and does one chunk; false where none is left. */
    boolean runOneChunk(int worker) {
        long seen = state;
        int claimed;
        do {
            claimed = (int) seen;
            if (claimed >= (int) (seen >>> 32)) {
                return false;
            }
            long witness = (long) STATE.compareAndExchange(this, seen, seen + 1);
            if (witness == seen) {
                break;
            }
            seen = witness;
        } while (true);
        try {
            if (failure == null) {
                int from = claimed * grain;
                body.run(from, (int) Math.min(range, (long) from + grain), worker);
            }
        } catch (Throwable thrown) {
            fail(thrown);
        } finally {
            pending.decrementAndGet();
        }
        return true;
    }

    private synchronized void fail(Throwable thrown) {
        if (failure == null) {
            failure = thrown;
        } else if (failure != thrown) {
            failure.addSuppressed(thrown);
        }
    }

    /** Spins, then yields, then sleeps: a helper that lost its processor in mid-chunk may need this one. */
    private void awaitOthers() {
        for (int round = 0; pending.get() > 0; round++) {
            if (round < 2_000) {
                Thread.onSpinWait();
            } else if (round < 4_000) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(20_000);
            }
        }
    }

    private void rethrow() {
        Throwable thrown = failure;
        failure = null;
        switch (thrown) {
            case RuntimeException unchecked -> throw unchecked;
            case Error error -> throw error;
            default -> throw new IllegalStateException(thrown);
        }
    }
}
