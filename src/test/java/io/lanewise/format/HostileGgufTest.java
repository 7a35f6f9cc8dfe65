package io.lanewise.format;

import static io.lanewise.format.GgufBytes.header;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class HostileGgufTest {
    private static final long HUGE = Long.MAX_VALUE;

    @TempDir
    Path folder;

    static Stream<Arguments> files() {
        return Stream.of(
                arguments("empty", new GgufBytes(), "is empty"),
                arguments("three bytes", new GgufBytes().text("GGU"), "neither"),
                arguments("magic only", new GgufBytes().text("GGUF"), "at byte 4: the file ends inside the version"),
                arguments("wrong magic", new GgufBytes().text("GGUX").i32(3).i64(0).i64(0), "neither"),
                arguments("Git LFS pointer", new GgufBytes().text("version https://git-lfs.github.com/spec/v1\n"),
                        "git lfs pull"),
                arguments("web page", new GgufBytes().text("<!DOCTYPE html>"), "web page"),
                arguments("zip", new GgufBytes().text("PK\3\4abcdefgh"), "PyTorch"),
                arguments("old ggml", new GgufBytes().text("tjgg").i32(3), "before August 2023"),
                arguments("version 0", new GgufBytes().text("GGUF").i32(0).i64(0).i64(0), "version 0; expected 2 or 3"),
                arguments("version 1", new GgufBytes().text("GGUF").i32(1).i64(0).i64(0), "convert the model again"),
                arguments("version 4", new GgufBytes().text("GGUF").i32(4).i64(0).i64(0), "newer than this program"),
                arguments("version -1", new GgufBytes().text("GGUF").i32(-1).i64(0).i64(0), "version 4294967295"),
                arguments("big-endian", new GgufBytes().text("GGUF").i32(3 << 24).i64(0).i64(0), "big-endian"),
                arguments("2^64-1 tensors", header(-1, 0), "tensor count 18446744073709551615"),
                arguments("2^63-1 tensors", header(HUGE, 0), "at byte 8: tensor count"),
                arguments("2 tensors in 0 bytes", header(2, 0), "tensor count 2 does not fit"),
                arguments("tensors that metadata leaves no room for",
                        header(2, 1).key("k", ValueType.STRING).string("x".repeat(100)), "after the metadata"),
                arguments("2^64-1 keys", header(0, -1), "metadata count 18446744073709551615"),
                arguments("1 key in 0 bytes", header(0, 1), "at byte 16: metadata count 1"),
                arguments("70,000 keys", header(0, 70_000).data(1_000_000), "expected at most 65536"),
                arguments("key of 2^63-1 bytes", header(0, 1).i64(HUGE).data(64), "length of a metadata key"),
                arguments("key of -1 bytes", header(0, 1).i64(-1).data(64), "length of a metadata key"),
                arguments("key without bytes", header(0, 1).string("").i32(0).data(64), "key of 0 bytes"),
                arguments("key of 70,000 bytes", header(0, 1).string("k".repeat(70_000)).i32(0).data(64),
                        "key of 70000 bytes"),
                arguments("key that is not UTF-8", header(0, 1).i64(2).u8(0xc3).u8(0x28).i32(0).u8(1).data(64),
                        "not UTF-8"),
                arguments("value type 13", header(0, 1).string("k").i32(13).i64(0), "value type 13; expected 0 to 12"),
                arguments("value type -1", header(0, 1).string("k").i32(-1).i64(0), "value type 4294967295"),
                arguments("string of 2^63-1 bytes", header(0, 1).key("k", ValueType.STRING).i64(HUGE),
                        "length of a string"),
                arguments("string of -1 bytes", header(0, 1).key("k", ValueType.STRING).i64(-1), "length of a string"),
                arguments("string one too long", header(0, 1).key("k", ValueType.STRING).i64(4).text("abc"),
                        "length of a string 4 does not fit in the 3 bytes"),
                arguments("bool 2", header(0, 1).key("k", ValueType.BOOL).u8(2), "expected 0 or 1"),
                arguments("bool 255 in an array", header(0, 1).array("k", ValueType.BOOL, 2).u8(1).u8(255),
                        "the bool is 255"),
                arguments("array of unknown type", header(0, 1).string("k").i32(9).i32(99).i64(1).i64(1),
                        "value type 99"),
                arguments("array of 2^62 longs", header(0, 1).array("k", ValueType.INT64, 1L << 62).data(64),
                        "length of an array"),
                arguments("array of -1 bytes", header(0, 1).array("k", ValueType.UINT8, -1).data(64),
                        "length of an array"),
                arguments("array one too long", header(0, 1).array("k", ValueType.INT32, 3).i64(0), "does not fit"),
                arguments("more strings than bytes", header(0, 1).array("k", ValueType.STRING, 1000).data(64),
                        "length of an array"),
                arguments("string of -1 bytes in an array",
                        header(0, 1).array("k", ValueType.STRING, 2).string("a").i64(-1).data(64),
                        "inside a string of an array"),
                arguments("string of 2^63-1 bytes in an array",
                        header(0, 1).array("k", ValueType.STRING, 2).string("a").i64(HUGE).data(64),
                        "inside a string of an array"),
                arguments("strings that end early", header(0, 1).array("k", ValueType.STRING, 2).string("abcdefgh"),
                        "the file ends inside the length of a string"),
                arguments("arrays 10,000 deep", nested(10_000), "nest more than 4 deep"),
                arguments("arrays 5 deep", nested(5), "nest more than 4 deep"),
                arguments("70,000 arrays in one", header(0, 1).array("k", ValueType.ARRAY, 70_000).data(1_000_000),
                        "arrays of arrays with more than"),
                arguments("2^60 arrays in one", header(0, 1).array("k", ValueType.ARRAY, 1L << 60).data(64),
                        "length of an array"),
                arguments("key twice", header(0, 2).key("k", ValueType.UINT8).u8(0).key("k", ValueType.UINT8).u8(0),
                        "'k' appears twice"),
                arguments("alignment 0", header(0, 1).alignment(0), "power of two"),
                arguments("alignment 48", header(0, 1).alignment(48), "power of two"),
                arguments("alignment as a string",
                        header(0, 1).key("general.alignment", ValueType.STRING).string("32"), "is str"),
                arguments("alignment as i64", header(0, 1).key("general.alignment", ValueType.INT64).i64(32),
                        "is i64 32"),
                arguments("alignment 2^31", header(1, 1).alignment(1 << 31).tensor("t", 0, 0, 1).data(64),
                        "has only 0 bytes of data"),
                arguments("tensor without a name", header(1, 0).tensor("", 0, 0, 1).data(64), "name of 0 bytes"),
                arguments("tensor name of 2^63-1 bytes", header(1, 0).i64(HUGE).data(64), "length of a tensor name"),
                arguments("tensor name that is not UTF-8", header(1, 0).i64(1).u8(0xff).i32(1).i64(1).i32(0).i64(0)
                        .data(64), "a tensor name is not UTF-8"),
                arguments("5 dimensions", header(1, 0).tensor("t", 0, 0, 1, 1, 1, 1, 1).data(64), "has 5 dimensions"),
                arguments("2^32-1 dimensions", header(1, 0).string("t").i32(-1).data(64), "4294967295 dimensions"),
                arguments("extent 0", header(1, 0).tensor("t", 0, 0, 4, 0).data(64), "extents [0, 4]"),
                arguments("extent -1", header(1, 0).tensor("t", 0, 0, -1).data(64), "extents [-1]"),
                arguments("2^64 elements", header(1, 0).tensor("t", 0, 0, 1L << 32, 1L << 32).data(64),
                        "2^63 elements"),
                arguments("2^64 + 4 elements", header(1, 0).tensor("t", 0, 0, 1L << 33, (1L << 31) + 1).data(64),
                        "2^63 elements"),
                arguments("2^64 bytes", header(1, 0).tensor("t", 28, 0, 1L << 61).data(64), "2^63 bytes"),
                arguments("2^62 elements", header(1, 0).tensor("t", 0, 0, 1L << 60).data(64), "cut short"),
                arguments("type 200", header(1, 0).tensor("blk.0", 200, 0, 1).data(64), "'blk.0' has the type id 200"),
                arguments("type -1", header(1, 0).tensor("t", -1, 0, 1).data(64), "type id 4294967295"),
                arguments("removed type 4", header(1, 0).tensor("t", 4, 0, 32).data(64), "Q4_2 and Q4_3 were dropped"),
                arguments("removed type 33", header(1, 0).tensor("t", 33, 0, 32).data(64), "convert the model to Q4_0"),
                arguments("removed type 36", header(1, 0).tensor("t", 36, 0, 32).data(64), "model to IQ4_NL"),
                arguments("part of a block", header(1, 0).tensor("t", 2, 0, 16, 2).data(64), "whole Q4_0 blocks of 32"),
                arguments("misaligned tensor", header(1, 0).tensor("t", 0, 16, 1).data(64),
                        "multiple of the alignment"),
                arguments("tensor at 2^64-32", header(1, 0).tensor("t", 0, -32, 1).data(64), "18446744073709551584"),
                arguments("tensor past the end", header(1, 0).tensor("t", 0, 96, 1).data(64), "only 64 bytes of data"),
                arguments("tensor across the end", header(1, 0).tensor("t", 0, 32, 9).data(64), "cut short"),
                arguments("no data", header(1, 0).tensor("t", 0, 0, 1), "has only 0 bytes of data"),
                arguments("overlap", header(2, 0).tensor("a", 0, 0, 16).tensor("b", 0, 32, 1).data(64),
                        "'b' overlaps tensor 'a'"),
                arguments("two tensors in one place", header(2, 0).tensor("a", 0, 0, 1).tensor("b", 0, 0, 1).data(64),
                        "overlaps"),
                arguments("tensor twice", header(2, 0).tensor("a", 0, 0, 1).tensor("a", 0, 32, 1).data(64),
                        "'a' appears twice"),
                arguments("name with line breaks", header(1, 0).tensor("a\nb\u2028c", 99, 0, 1).data(64),
                        "'a\ufffdb\ufffdc' has the type id 99"));
    }

    private static GgufBytes nested(int depth) {
        GgufBytes bytes = header(0, 1).string("k");
        for (int i = 0; i < depth; i++) {
            bytes.i32(ValueType.ARRAY.id());
            if (i > 0) {
                bytes.i64(1);
            }
        }
        return bytes.i64(1).i32(ValueType.UINT8.id()).i64(1).u8(7).data(64);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void isRefused(String name, GgufBytes bytes, String message) throws IOException {
        Path file = Files.write(folder.resolve("bad.gguf"), bytes.toArray());
        assertThat(Opening.problem(file)).as(name).isNotNull().hasMessageContaining(message);
    }

    static Stream<Arguments> oddButSound() {
        return Stream.of(
                arguments("nothing in it", header(0, 0)),
                arguments("version 2", new GgufBytes().text("GGUF").i32(2).i64(1).i64(0).tensor("t", 0, 0, 1).data(4)),
                arguments("tokens that are not UTF-8", header(0, 1).array("k", ValueType.STRING, 2).i64(1).u8(0xff)
                        .i64(2).u8(0xc3).u8(0x28)),
                arguments("string that is not UTF-8", header(0, 1).key("k", ValueType.STRING).i64(1).u8(0x80)),
                arguments("arrays 4 deep", nested(4)),
                arguments("a gap between tensors", header(2, 0).tensor("a", 0, 0, 1).tensor("b", 0, 96, 1).data(100)),
                arguments("tensors out of order", header(2, 0).tensor("a", 0, 32, 1).tensor("b", 0, 0, 1).data(64)),
                arguments("a scalar", header(1, 0).tensor("a", 0, 0).data(4)),
                arguments("bytes after the last tensor", header(1, 0).tensor("a", 0, 0, 1).data(400)),
                arguments("alignment 1", header(1, 1).alignment(1).tensor("a", 24, 1, 1).data(64)),
                arguments("alignment 64 after its keys", header(1, 1).alignment(64).tensor("a", 0, 0, 1).data(128)),
                arguments("not a number", header(0, 1).key("k", ValueType.FLOAT32).i32(-1)),
                arguments("empty arrays", header(0, 2).array("a", ValueType.ARRAY, 0).array("b", ValueType.BOOL, 0)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("oddButSound")
    void isAccepted(String name, GgufBytes bytes) throws IOException {
        assertThat(Opening.problem(Files.write(folder.resolve("odd.gguf"), bytes.toArray()))).as(name).isNull();
    }

    @Test
    void truncatedAnywhereIsRefused() throws IOException {
        Path file = folder.resolve("good.gguf");
        Samples.small().write(file);
        byte[] good = Files.readAllBytes(file);
        int dataEnd = good.length - 16;
        Path cut = folder.resolve("cut.gguf");
        for (int length = 0; length < dataEnd; length++) {
            Files.write(cut, Arrays.copyOf(good, length));
            assertThat(Opening.problem(cut)).as("%d bytes", length).isNotNull();
        }
        assertThat(Opening.problem(Files.write(cut, Arrays.copyOf(good, dataEnd)))).as("without padding").isNull();
    }

    @Test
    void aSparseFileDoesNotFillTheHeap() throws IOException {
        Path file = Files.write(folder.resolve("sparse.gguf"),
                header(0, 1).key("k", ValueType.STRING).i64(1L << 30).toArray());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(1), 2L << 30);
        }
        assertThat(Opening.problem(file)).hasMessageContaining("makes the header larger than");
    }

    @Test
    void missingFilesAndFoldersAreNamed() {
        assertThat(Opening.problem(folder.resolve("none.gguf"))).hasMessageContaining("no such file");
        assertThat(Opening.problem(folder)).hasMessageContaining("a folder without model.safetensors");
    }
}
