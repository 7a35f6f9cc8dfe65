package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvPositionsTest {
    private static KvBuffer buffer(Arena arena, DType type, int capacity, int heads, int headDim, int vHeadDim) {
        return vHeadDim < 0 ? KvBuffer.latents(arena, type, capacity, headDim, -vHeadDim)
                : new KvBuffer(arena, type, capacity, heads, headDim, vHeadDim);
    }

    private static MemorySegment floats(Arena arena, Random random, int count) {
        MemorySegment floats = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) {
            floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return floats;
    }

    /** A negative width of values means latents. */
    @ParameterizedTest
    @CsvSource({"F32, 2, 64, 64", "F16, 2, 64, 64", "Q8_0, 2, 64, 64", "F32, 1, 1, 1", "F16, 3, 40, 72", "Q8_0, 3, 40, 72",
        "Q8_0, 1, 33, 97", "F32, 1, 96, -64", "F16, 1, 80, -33", "Q8_0, 1, 72, -40"})
    void positionsComeBackBitByBitInABufferOfAnotherLength(DType type, int heads, int headDim, int vHeadDim) {
        Random random = new Random(3);
        try (Arena arena = Arena.ofConfined()) {
            int width = Math.abs(vHeadDim);
            KvBuffer from = buffer(arena, type, 200, heads, headDim, vHeadDim);
            KvBuffer to = buffer(arena, type, 131, heads, headDim, vHeadDim);
            long bytes = KvPositions.bytes(from);
            MemorySegment stored = arena.allocate(bytes + 1, 64);
            MemorySegment again = arena.allocate(bytes + 1, 64);
            for (int pos : new int[] {0, 1, 63, 64, 65, 127, 130}) {
                from.append(pos, floats(arena, random, heads * headDim), 0, floats(arena, random, heads * width), 0);
                KvPositions.store(from, pos, stored, 1);
                KvPositions.restore(to, pos, stored, 1);
                KvPositions.store(to, pos, again, 1);
                assertThat(again.mismatch(stored)).isEqualTo(-1);
                assertSame(arena, from, to, pos, heads * headDim, heads * width);
            }
        }
    }

    private static void assertSame(Arena arena, KvBuffer from, KvBuffer to, int pos, int keys, int values) {
        MemorySegment k = arena.allocate(4L * keys);
        MemorySegment v = arena.allocate(4L * values);
        MemorySegment otherK = arena.allocate(4L * keys);
        MemorySegment otherV = arena.allocate(4L * values);
        from.read(pos, k, 0, v, 0);
        to.read(pos, otherK, 0, otherV, 0);
        assertThat(otherK.mismatch(k)).isEqualTo(-1);
        assertThat(otherV.mismatch(v)).isEqualTo(-1);
    }

    @Test
    void infinitiesThatComeFromAFileAreNoted() {
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, DType.F16, 64, 1, 2, 2);
            MemorySegment halves = arena.allocate(8);
            KvPositions.restore(kv, 0, halves, 0);
            assertThat(kv.isFinite()).isTrue();
            halves.set(ValueLayout.JAVA_SHORT, 6, Float.floatToFloat16(Float.NaN));
            KvPositions.restore(kv, 1, halves, 0);
            assertThat(kv.isFinite()).isFalse();
        }
    }

    /** Subnormal halves cost time in every product; beside a large number they are less than its rounding. */
    @Test
    void subnormalHalvesStayOnlyAmongSmallNumbers() {
        float tiny = 0x1.8p-16f;
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, DType.F16, 64, 2, 2, 2);
            MemorySegment row = arena.allocateFrom(ValueLayout.JAVA_FLOAT, -0x1p-4f, -tiny, 0x1.ffcp-5f, tiny);
            kv.append(7, row, 0, row, 0);
            MemorySegment k = arena.allocate(16);
            MemorySegment v = arena.allocate(16);
            kv.read(7, k, 0, v, 0);
            assertThat(k.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(-0x1p-4f, 0f, 0x1.ffcp-5f, tiny);
            assertThat(v.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(-0x1p-4f, 0f, 0x1.ffcp-5f, tiny);
        }
    }

    @Test
    void positionsOutsideAreRefused() {
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, DType.F32, 64, 1, 2, 2);
            MemorySegment bytes = arena.allocate(KvPositions.bytes(kv) - 1);
            assertThatThrownBy(() -> KvPositions.store(kv, 64, bytes, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> KvPositions.restore(kv, 0, bytes, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
