package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.tensor.DType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class WeightCodecTest {
    private static final String WITHOUT_CODEC = "IQ[123].*|Q8_1|Q8_K|I[0-9]*|F64";

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = {WITHOUT_CODEC, "F32"})
    void decodesAsGgmlDoes(DType dtype) throws IOException {
        check(dtype, resource(dtype + ".bin"), resource(dtype + ".f32"));
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = {WITHOUT_CODEC, "F32"})
    void decodesAllSharedBlocksAsGgmlDoes(DType dtype) throws IOException {
        Path quants = SharedData.require("golden/quants");
        check(dtype, Files.readAllBytes(quants.resolve(dtype + ".bin")),
                Files.readAllBytes(quants.resolve(dtype + ".f32")));
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = WeightCodecTest.class.getResourceAsStream("/quants/" + name)) {
            return in.readAllBytes();
        }
    }

    /** Blocks lie at an odd address and floats at an odd index, as they may in a mapped file. */
    private static void check(DType dtype, byte[] blocks, byte[] floats) {
        int elements = blocks.length / dtype.blockBytes() * dtype.blockLength();
        assertThat(floats).hasSize(4 * elements);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocate(blocks.length + 3);
            MemorySegment.copy(blocks, 0, src, ValueLayout.JAVA_BYTE, 3, blocks.length);
            FloatRow dst = new FloatRow(arena, 1, new float[elements]);
            WeightCodec.require(dtype).decode(src, 3, dst.segment, dst.off, elements);
            float[] values = dst.values();
            ByteBuffer expected = ByteBuffer.wrap(floats).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < elements; i++) {
                float want = expected.getFloat(4 * i);
                if (!agrees(values[i], want)) {
                    throw new AssertionError(dtype + ", element " + i + ": expected " + want + ", got " + values[i]);
                }
            }
        }
    }

    private static boolean agrees(float value, float want) {
        return Float.compare(value, want) == 0 || Float.isNaN(value) && Float.isNaN(want)
                || Math.abs((double) value - want) <= Math.max(1e-30, 1e-6 * Math.abs(want));
    }

    @Test
    void f32IsCopied() {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow src = new FloatRow(arena, 1, 1f, -2f, 3f);
            FloatRow dst = new FloatRow(arena, 0, new float[3]);
            WeightCodec.require(DType.F32).decode(src.segment, 4 * src.off, dst.segment, dst.off, 3);
            assertThat(dst.values()).containsExactly(1f, -2f, 3f);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_ANY, names = WITHOUT_CODEC)
    void typesThatWeCannotDecodeHaveNoRow(DType dtype) {
        assertThat(WeightCodec.of(dtype)).isEmpty();
    }

    @Test
    void partsOfBlocksAreRefused() {
        WeightCodec codec = WeightCodec.require(DType.Q8_0);
        assertThatThrownBy(() -> codec.decode(MemorySegment.NULL, 0, MemorySegment.NULL, 0, 33))
                .hasMessage("Q8_0: 33 elements are not whole blocks of 32");
    }

    @Test
    void blocksBeyondTheSegmentAreRefused() {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow dst = new FloatRow(arena, 0, new float[64]);
            assertThatThrownBy(() -> WeightCodec.require(DType.Q8_0)
                    .decode(arena.allocate(67), 0, dst.segment, dst.off, 64))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
