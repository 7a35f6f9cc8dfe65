package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostileSafetensorsTest {
    private static final String A = "'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";

    @TempDir
    Path folder;

    /** A file with this header, ' standing for ", and as many bytes of data. */
    private static GgufBytes file(String header, int data) {
        byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return new GgufBytes().i64(json.length).raw(json).raw(new byte[data]);
    }

    private static GgufBytes one(String fields, int data) {
        return file("{'a':{" + fields + "}}", data);
    }

    static Stream<Arguments> files() {
        return Stream.of(
                arguments("length only", new GgufBytes().i64(2), "header of 2 bytes"),
                arguments("seven bytes", new GgufBytes().raw(new byte[7]), "the file ends inside the header length"),
                arguments("header of 0 bytes", new GgufBytes().i64(0).raw(new byte[8]), "header of 0 bytes"),
                arguments("header past the end", new GgufBytes().i64(200).text("{}"), "header of 200 bytes"),
                arguments("header of 2^64-1 bytes", new GgufBytes().i64(-1).text("{}"), "18446744073709551615"),
                arguments("header of 2^63-1 bytes", new GgufBytes().i64(Long.MAX_VALUE).text("{}"), "expected 2 to"),
                arguments("not JSON", file("{nonsense", 0), "not valid JSON"),
                arguments("unfinished JSON", file("{'a':{'dtype':'F32'", 8), "not valid JSON"),
                arguments("an array", file("[1,2]", 0), "expected '{'"),
                arguments("two objects", file("{}{}", 0), "nothing after the closing"),
                arguments("a BOM", file("\ufeff{}", 0), ""),
                arguments("UTF-16", new GgufBytes().i64(4).raw((byte) '{', (byte) 0, (byte) '}', (byte) 0), "JSON"),
                arguments("not UTF-8", new GgufBytes().i64(11).text("{\"").u8(0xff).u8(0xfe).text("\":{}}  "), "JSON"),
                arguments("1,000 arrays deep", file("{'x':" + "[".repeat(1000) + "]".repeat(1000) + "}", 0),
                        "expected an object"),
                arguments("1,000 arrays deep in an unknown field",
                        one("'x':" + "[".repeat(1000) + "]".repeat(1000), 0), "not valid JSON"),
                arguments("tensor that is a number", file("{'a':1}", 0), "expected an object for tensor 'a'"),
                arguments("tensor without a name", file("{'':" + A.substring(4) + "}", 8), "has no name"),
                arguments("no dtype", one("'shape':[2],'data_offsets':[0,8]", 8), "expected dtype, shape"),
                arguments("no shape", one("'dtype':'F32','data_offsets':[0,8]", 8), "expected dtype, shape"),
                arguments("no offsets", one("'dtype':'F32','shape':[2]", 8), "expected dtype, shape"),
                arguments("one offset", one("'dtype':'F32','shape':[2],'data_offsets':[8]", 8), "two data_offsets"),
                arguments("three offsets", one("'dtype':'F32','shape':[2],'data_offsets':[0,8,8]", 8), "two data_off"),
                arguments("unknown dtype", one("'dtype':'F33','shape':[2],'data_offsets':[0,8]", 8), "dtype 'F33'"),
                arguments("dtype as a number", one("'dtype':7,'shape':[2],'data_offsets':[0,8]", 8), "as a string"),
                arguments("dtype twice", one("'dtype':'F32','dtype':'F32','shape':[2],'data_offsets':[0,8]", 8),
                        "has dtype twice"),
                arguments("shape twice", one("'dtype':'F32','shape':[2],'shape':[2],'data_offsets':[0,8]", 8),
                        "has shape twice"),
                arguments("negative extent", one("'dtype':'F32','shape':[-2],'data_offsets':[0,8]", 8), "found '-2'"),
                arguments("fractional extent", one("'dtype':'F32','shape':[2.0],'data_offsets':[0,8]", 8), "'2.0'"),
                arguments("extent 10^30",
                        one("'dtype':'F32','shape':[1" + "0".repeat(30) + "],'data_offsets':[0,8]", 8),
                        "a shape of at most 32"),
                arguments("extent of 5,000 digits",
                        one("'dtype':'F32','shape':[" + "9".repeat(5000) + "],'data_offsets':[0,8]", 8), ""),
                arguments("33 extents", one("'dtype':'F32','shape':[" + "1,".repeat(32) + "2],'data_offsets':[0,8]", 8),
                        "at most 32 extents"),
                arguments("2^64 elements",
                        one("'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,8]", 8), "2^63 elements"),
                arguments("2^64 bits", one("'dtype':'F32','shape':[2305843009213693952],'data_offsets':[0,8]", 8),
                        "data_offsets [0, 8]"),
                arguments("wrong size", one("'dtype':'F32','shape':[2],'data_offsets':[0,12]", 12),
                        "expected 8 bytes between"),
                arguments("offsets reversed", one("'dtype':'F32','shape':[2],'data_offsets':[8,0]", 8), "[8, 0]"),
                arguments("negative offset", one("'dtype':'F32','shape':[2],'data_offsets':[-8,0]", 8), "found '-8'"),
                arguments("data cut short", file("{" + A + "}", 7), "cut short"),
                arguments("data to spare", file("{" + A + "}", 9), "the file has 9 bytes of data; it is damaged"),
                arguments("no tensors but data", file("{}", 1), "the tensors take 0 bytes"),
                arguments("a hole", file("{" + A + ",'b':{'dtype':'I8','shape':[1],'data_offsets':[9,10]}}", 10),
                        "'b' begins at data offset 9, after a gap"),
                arguments("a hole in front", one("'dtype':'F32','shape':[2],'data_offsets':[4,12]", 12), "after a gap"),
                arguments("overlap", file("{" + A + ",'b':{'dtype':'I8','shape':[1],'data_offsets':[7,8]}}", 8),
                        "'b' begins at data offset 7, inside another"),
                arguments("tensor twice", file("{" + A + "," + A + "}", 8), "'a' appears twice"),
                arguments("metadata twice", file("{'__metadata__':{},'__metadata__':{}}", 0), "appears twice"),
                arguments("metadata key twice", file("{'__metadata__':{'k':'1','k':'2'}}", 0), "'k' appears twice"),
                arguments("metadata number", file("{'__metadata__':{'k':1}}", 0), "expected a string in __metadata__"),
                arguments("half a byte", one("'dtype':'F4','shape':[3],'data_offsets':[0,2]", 2), "'a' F4 [3]"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void isRefused(String name, GgufBytes bytes, String message) throws IOException {
        Path file = Files.write(folder.resolve("bad.safetensors"), bytes.toArray());
        assertThat(Opening.problem(file)).as(name).isNotNull().hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{}      ", "{'__metadata__':{}}",
        "{'a':{'dtype':'F32','shape':[0,3],'data_offsets':[0,0]}}",
        "{'a':{'dtype':'F64','shape':[1,0],'data_offsets':[0,0],'more':[1,{'x':null}]}}"})
    void isAcceptedWithoutData(String header) throws IOException {
        assertThat(Opening.problem(Files.write(folder.resolve("odd.safetensors"), file(header, 0).toArray()))).isNull();
    }

    @Test
    void typesThatTheEngineLacksAreRefusedWhereTheyAreWanted() throws IOException {
        Path file = Files.write(folder.resolve("gpt2.safetensors"),
                file("{" + A + ",'mask':{'dtype':'BOOL','shape':[3],'data_offsets':[8,11]}}", 11).toArray());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.tensors()).hasSize(1);
            assertThat(checkpoint.find("a")).isPresent();
            assertThatThrownBy(() -> checkpoint.find("mask")).isInstanceOf(FormatException.class)
                    .hasMessageContaining("'mask' has the dtype BOOL");
        }
    }

    @Test
    void truncatedAnywhereIsRefused() throws IOException {
        Path file = folder.resolve("good.safetensors");
        Samples.safetensors().write(file);
        byte[] good = Files.readAllBytes(file);
        Path cut = folder.resolve("cut.safetensors");
        for (int length = 0; length < good.length; length++) {
            Files.write(cut, Arrays.copyOf(good, length));
            assertThat(Opening.problem(cut)).as("%d bytes", length).isNotNull();
        }
    }

    static Stream<Arguments> indexes() {
        return Stream.of(
                arguments("empty object", "{}", "has no weight_map"),
                arguments("not JSON", "{'weight_map':", "not valid JSON"),
                arguments("weight_map as a list", "{'weight_map':[]}", "an object as weight_map"),
                arguments("weight_map twice", "{'weight_map':{},'weight_map':{}}", "weight_map appears twice"),
                arguments("file as a number", "{'weight_map':{'a':1}}", "a file name for tensor 'a'"),
                arguments("tensor twice", "{'weight_map':{'a':'1.safetensors','a':'1.safetensors'}}", "appears twice"),
                arguments("parent folder", "{'weight_map':{'a':'../1.safetensors'}}", "the index's own folder"),
                arguments("absolute path", "{'weight_map':{'a':'/etc/1.safetensors'}}", "the index's own folder"),
                arguments("backslash", "{'weight_map':{'a':'..\\\\1.safetensors'}}", "the index's own folder"),
                arguments("drive", "{'weight_map':{'a':'c:1.safetensors'}}", "the index's own folder"),
                arguments("NUL", "{'weight_map':{'a':'\\u0000.safetensors'}}", "the index's own folder"),
                arguments("lone surrogate", "{'weight_map':{'a':'\\ud800.safetensors'}}", "cannot spell"),
                arguments("another kind", "{'weight_map':{'a':'passwd'}}", "the index's own folder"),
                arguments("missing file", "{'weight_map':{'a':'2.safetensors'}}", "no such file"),
                arguments("bad file", "{'weight_map':{'a':'bad.safetensors'}}", "bad.safetensors: at byte 0"),
                arguments("missing tensor", "{'weight_map':{'b':'1.safetensors'}}", "'b' is not in '1.safetensors'"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("indexes")
    void indexIsRefused(String name, String json, String message) throws IOException {
        Files.write(folder.resolve("1.safetensors"), file("{" + A + "}", 8).toArray());
        Files.write(folder.resolve("bad.safetensors"), new byte[20]);
        Path index = Files.writeString(folder.resolve("model.safetensors.index.json"), json.replace('\'', '"'));
        assertThatThrownBy(() -> Checkpoint.open(index).close()).as(name).isInstanceOf(FormatException.class)
                .hasMessageContaining(message);
        assertThatThrownBy(() -> Checkpoint.open(folder).close()).isInstanceOf(FormatException.class);
    }
}
