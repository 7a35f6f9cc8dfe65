package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class ClaimsTest {
    @Test
    void aWorkerTakesItsOwnRangeInOrderAndThenTheEndsOfOthers() {
        Claims claims = new Claims(2);
        claims.reset(7);
        List<Integer> taken = new ArrayList<>();
        for (int unit = claims.next(0); unit >= 0; unit = claims.next(0)) {
            taken.add(unit);
        }
        assertThat(taken).containsExactly(0, 1, 2, 6, 5, 4, 3);
        assertThat(claims.next(1)).isEqualTo(-1);
    }

    @Test
    void fewerUnitsThanWorkersAndNoneAreFine() {
        Claims claims = new Claims(5);
        claims.reset(2);
        assertThat(List.of(claims.next(3), claims.next(3), claims.next(0))).containsExactlyInAnyOrder(0, 1, -1);
        claims.reset(0);
        assertThat(claims.next(1)).isEqualTo(-1);
    }

    @Test
    void threadsTakeEveryUnitOnce() {
        try (ComputePool pool = new ComputePool(4)) {
            Claims claims = new Claims(4);
            for (int round = 0; round < 50; round++) {
                int units = 997;
                AtomicIntegerArray times = new AtomicIntegerArray(units);
                claims.reset(units);
                pool.parallelFor(units, 3, (from, to, worker) -> {
                    for (int i = from; i < to; i++) {
                        times.incrementAndGet(claims.next(worker));
                    }
                });
                for (int unit = 0; unit < units; unit++) {
                    assertThat(times.get(unit)).isEqualTo(1);
                }
            }
        }
    }
}
