package io.lanewise.format;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import java.util.List;

/** Sound files for the tests, made here so that the tests need no others. */
final class Samples {
    private Samples() {
    }

    /** Metadata of every type, and no tensors. */
    static GgufWriter everyType() {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama")
                .integer("u8", ValueType.UINT8, 255).integer("i8", ValueType.INT8, -128)
                .integer("u16", ValueType.UINT16, 65_535).integer("i16", ValueType.INT16, -32_768)
                .uint32("u32", 4_294_967_295L).int32("i32", Integer.MIN_VALUE)
                .integer("u64", ValueType.UINT64, -1).integer("i64", ValueType.INT64, Long.MIN_VALUE)
                .float32("f32", 1e-5f).float64("f64", Math.PI).bool("bool", true).string("str", "grüße, 世界 🦙");
        writer.strings("arr.str", List.of("", "a", "▁the"))
                .integers("arr.u8", ValueType.UINT8, 0, 255).integers("arr.i8", ValueType.INT8, -128, 127)
                .integers("arr.u16", ValueType.UINT16, 0, 65_535)
                .integers("arr.i16", ValueType.INT16, -32_768, 32_767)
                .integers("arr.u32", ValueType.UINT32, 0, Integer.MAX_VALUE).int32s("arr.i32", -1, 0, 1)
                .integers("arr.i64", ValueType.INT64, -5, 5).integers("arr.u64", ValueType.UINT64, -1)
                .float32s("arr.f32", 0.5f, -0f, Float.POSITIVE_INFINITY).float64s("arr.f64", 0.1f)
                .bools("arr.bool", true, false, true).int32s("arr.empty");
        MetadataValue numbers = new MetadataValue.Numbers(ValueType.UINT8, new byte[] {1, 2});
        return writer.put("arr.nested", new MetadataValue.Nested(List.of(numbers,
                MetadataValue.Texts.of(List.of("x")))));
    }

    /** Every metadata type and tensors of plain and quantised types: some 3 KB. */
    static GgufWriter small() {
        return everyType()
                .tensor("token_embd.weight", DType.F32, Shape.of(4, 8), GgufWriterTest::counting)
                .tensor("blk.0.attn_q.weight", DType.Q8_0, Shape.of(2, 32), GgufWriterTest::counting)
                .tensor("blk.0.attn_k.weight", DType.F16, Shape.of(3, 7), GgufWriterTest::counting)
                .tensor("blk.0.ffn_exps.weight", DType.Q4_K, Shape.of(2, 1, 256), GgufWriterTest::counting)
                .tensor("output_norm.weight", DType.BF16, Shape.of(8), GgufWriterTest::counting);
    }

    /** Strings of metadata and tensors of several types; the writer puts the larger elements first. */
    static SafetensorsWriter safetensors() {
        return new SafetensorsWriter().metadata("format", "pt \"ü\"\n").metadata("step", "12")
                .tensor("bytes", DType.I8, Shape.of(3), GgufWriterTest::counting)
                .tensor("w", DType.F32, Shape.of(3, 5), GgufWriterTest::counting)
                .tensor("half", DType.F16, Shape.of(1, 1, 2, 1, 3), GgufWriterTest::counting)
                .tensor("brain", DType.BF16, Shape.of(7), GgufWriterTest::counting)
                .tensor("ids", DType.I64, Shape.of(2), GgufWriterTest::counting)
                .tensor("scalar", DType.F32, Shape.of(), GgufWriterTest::counting)
                .tensor("none", DType.F32, Shape.of(4, 0), GgufWriterTest::counting);
    }
}
