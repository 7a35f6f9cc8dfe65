package io.lanewise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

class SlabArenaTest {
    @Test
    void segmentsAreAlignedZeroAndApart() {
        try (Arena arena = new SlabArena(Arena.ofShared())) {
            List<MemorySegment> segments = new ArrayList<>();
            long[] sizes = {0, 1, 63, 64, 65, 4096, 30 << 20, 20 << 20, 20 << 20, 40 << 20, 7};
            for (int i = 0; i < sizes.length; i++) {
                long alignment = 1L << (i % 8);
                MemorySegment segment = arena.allocate(sizes[i], alignment);
                assertThat(segment.byteSize()).isEqualTo(sizes[i]);
                assertThat(segment.address() % Math.max(alignment, Tensor.ALIGNMENT)).isZero();
                for (long at = 0; at < sizes[i]; at += 4096) {
                    assertThat(segment.get(ValueLayout.JAVA_BYTE, at)).isZero();
                    segment.set(ValueLayout.JAVA_BYTE, at, (byte) 1);
                }
                segments.add(segment);
            }
            segments.removeIf(segment -> segment.byteSize() == 0);
            segments.sort(Comparator.comparingLong(MemorySegment::address));
            for (int i = 1; i < segments.size(); i++) {
                MemorySegment before = segments.get(i - 1);
                assertThat(segments.get(i).address()).isGreaterThanOrEqualTo(before.address() + before.byteSize());
            }
        }
    }

    @Test
    void closingFreesWhatWasCut() {
        Arena arena = new SlabArena(Arena.ofShared());
        MemorySegment segment = arena.allocate(100, 8);
        arena.close();
        assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    /** Counts what it hands out. */
    private static final class CountingArena implements Arena {
        private final Arena arena = Arena.ofShared();
        private long bytes;

        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            bytes += byteSize;
            return arena.allocate(byteSize, byteAlignment);
        }

        @Override
        public MemorySegment.Scope scope() {
            return arena.scope();
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    @Test
    void smallSegmentsFillWhatLargeOnesLeave() {
        CountingArena counting = new CountingArena();
        long wanted = 0;
        try (Arena arena = new SlabArena(counting)) {
            for (int layer = 0; layer < 16; layer++) {
                for (int kilobytes : new int[] {1_300, 220, 220, 1_300, 15_500, 7_700}) {
                    arena.allocate((long) kilobytes << 10, 64);
                    wanted += (long) kilobytes << 10;
                }
            }
        }
        // All but the last slab nearly full.
        assertThat(counting.bytes - wanted).isLessThan((64L << 20) + wanted / 20);
    }
}
