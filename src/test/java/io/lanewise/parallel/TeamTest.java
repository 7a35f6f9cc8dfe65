package io.lanewise.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 16})
    void everyIndexIsDoneOnceInEveryStageWithMoreThreadsThanCores(int threads) {
        try (ComputePool pool = new ComputePool(threads, threads)) {
            Team team = pool.newTeam();
            for (int range : new int[] {0, 1, 2, 7, 100, 1001}) {
                for (int grain : new int[] {1, 3, 64, 5000}) {
                    AtomicIntegerArray done = new AtomicIntegerArray(Math.max(1, range));
                    team.enter();
                    team.run(range, grain, (from, to, worker) -> {
                        assertThat(worker).isBetween(0, threads - 1);
                        for (int i = from; i < to; i++) {
                            done.incrementAndGet(i);
                        }
                    });
                    team.exit();
                    for (int i = 0; i < range; i++) {
                        assertThat(done.get(i)).isEqualTo(1);
                    }
                }
            }
        }
    }

    @Test
    void aStageSeesWhatTheStageBeforeItWrote() {
        try (ComputePool pool = new ComputePool(4, 4)) {
            Team team = pool.newTeam();
            int[] values = new int[257];
            team.enter();
            for (int stage = 0; stage < 20_000; stage++) {
                int expected = stage;
                team.run(values.length, 16, (from, to, worker) -> {
                    for (int i = from; i < to; i++) {
                        // Read what another worker may have written in the stage before.
                        int mirror = values.length - 1 - i;
                        if (mirror > i) {
                            continue;
                        }
                        if (values[i] != expected || values[mirror] != expected) {
                            throw new AssertionError("stage " + expected + " index " + i);
                        }
                        values[i]++;
                        if (mirror != i) {
                            values[mirror]++;
                        }
                    }
                });
            }
            team.exit();
            assertThat(values).containsOnly(20_000);
        }
    }

    @Test
    void workersOfATeamNeverShareAnIndexAtOnce() {
        try (ComputePool pool = new ComputePool(4, 4)) {
            AtomicIntegerArray busy = new AtomicIntegerArray(4);
            pool.parallelFor(20_000, 1, (from, to, worker) -> {
                if (busy.incrementAndGet(worker) != 1) {
                    throw new AssertionError("two chunks run as worker " + worker);
                }
                busy.decrementAndGet(worker);
            });
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void anExceptionReachesTheCallerAndTheTeamGoesOn(int threads) {
        try (ComputePool pool = new ComputePool(threads, threads)) {
            Team team = pool.newTeam();
            team.enter();
            for (int round = 0; round < 200; round++) {
                assertThatThrownBy(() -> team.run(64, 1, (from, to, worker) -> {
                            if (from <= 40 && 40 < to) {
                                throw new IllegalArgumentException("index 40");
                            }
                        }))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("index 40");
                AtomicInteger done = new AtomicInteger();
                team.run(64, 1, (from, to, worker) -> done.addAndGet(to - from));
                assertThat(done).hasValue(64);
            }
            team.exit();
        }
    }

    @Test
    void manyTeamsShareOnePool() throws Exception {
        try (ComputePool pool = new ComputePool(3, 3)) {
            int sessions = 8;
            AtomicLong sum = new AtomicLong();
            CountDownLatch finished = new CountDownLatch(sessions);
            for (int session = 0; session < sessions; session++) {
                Thread.ofPlatform().daemon().start(() -> {
                    Team team = pool.newTeam();
                    for (int step = 0; step < 50; step++) {
                        team.enter();
                        for (int stage = 0; stage < 20; stage++) {
                            team.run(10, 1, (from, to, worker) -> sum.addAndGet(to - from));
                        }
                        team.exit();
                    }
                    finished.countDown();
                });
            }
            assertThat(finished.await(50, TimeUnit.SECONDS)).isTrue();
            assertThat(sum).hasValue(8L * 50 * 20 * 10);
        }
    }

    @Test
    void idleHelpersSleepAndWakeAgain() throws Exception {
        try (ComputePool pool = new ComputePool(2, 2)) {
            for (int round = 0; round < 5; round++) {
                Thread.sleep(5);
                AtomicBoolean helped = new AtomicBoolean();
                // Each chunk of the leader waits a little for the helper, which a busy machine may start late.
                pool.parallelFor(64, 1, (from, to, worker) -> {
                    if (worker == 1) {
                        helped.set(true);
                    }
                    for (int wait = 0; wait < 200 && !helped.get(); wait++) {
                        LockSupport.parkNanos(1_000_000);
                    }
                });
                assertThat(helped).as("the helper took a chunk within 12 s").isTrue();
            }
        }
    }

    @Test
    void aClosedPoolLeavesTheWorkToTheCaller() {
        ComputePool pool = new ComputePool(4, 4);
        pool.close();
        AtomicInteger done = new AtomicInteger();
        pool.parallelFor(100, 1, (from, to, worker) -> done.addAndGet(to - from));
        assertThat(done).hasValue(100);
    }

    @Test
    void badSizesAreNamed() {
        assertThatThrownBy(() -> new ComputePool(0)).hasMessageContaining("expected 1 to 1024, got 0");
        try (ComputePool pool = new ComputePool(1)) {
            assertThatThrownBy(() -> pool.newTeam().run(1, 0, (from, to, worker) -> { }))
                    .hasMessageContaining("grain >= 1");
        }
    }
}
