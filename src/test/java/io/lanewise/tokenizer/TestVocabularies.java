package io.lanewise.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the vocabulary out of a GGUF file without the engine's own reader. */
final class TestVocabularies {
    private TestVocabularies() {
    }

    static Vocabulary read(Path file) {
        try {
            return of(metadata(ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static Vocabulary of(Map<String, Object> keys) {
        String prefix = "tokenizer.ggml.";
        return Vocabulary.builder((String) keys.get(prefix + "model"), (List<String>) keys.get(prefix + "tokens"))
                .pre((String) keys.get(prefix + "pre"))
                .scores(floats((List<Float>) keys.get(prefix + "scores")))
                .types(ints((List<Integer>) keys.get(prefix + "token_type")))
                .merges((List<String>) keys.get(prefix + "merges"))
                .bos((Integer) keys.getOrDefault(prefix + "bos_token_id", -1))
                .eos((Integer) keys.getOrDefault(prefix + "eos_token_id", -1))
                .unk((Integer) keys.getOrDefault(prefix + "unknown_token_id", -1))
                .sep((Integer) keys.getOrDefault(prefix + "seperator_token_id", -1))
                .cls((Integer) keys.getOrDefault(prefix + "cls_token_id", -1))
                .addBos((Boolean) keys.get(prefix + "add_bos_token"))
                .addEos((Boolean) keys.get(prefix + "add_eos_token"))
                .build();
    }

    private static float[] floats(List<Float> values) {
        if (values == null) {
            return null;
        }
        float[] result = new float[values.size()];
        for (int i = 0; i < result.length; i++) {
            result[i] = values.get(i);
        }
        return result;
    }

    private static int[] ints(List<Integer> values) {
        return values == null ? null : values.stream().mapToInt(Integer::intValue).toArray();
    }

    private static Map<String, Object> metadata(ByteBuffer in) {
        in.position(16);
        long count = in.getLong();
        Map<String, Object> keys = new HashMap<>();
        for (long i = 0; i < count; i++) {
            String key = string(in);
            keys.put(key, value(in, in.getInt()));
        }
        return keys;
    }

    private static Object value(ByteBuffer in, int type) {
        return switch (type) {
            case 0, 1 -> (int) in.get();
            case 2, 3 -> (int) in.getShort();
            case 4, 5 -> in.getInt();
            case 6 -> in.getFloat();
            case 7 -> in.get() != 0;
            case 8 -> string(in);
            case 9 -> array(in);
            case 10, 11 -> in.getLong();
            case 12 -> in.getDouble();
            default -> throw new IllegalStateException("value type " + type);
        };
    }

    private static List<Object> array(ByteBuffer in) {
        int type = in.getInt();
        long count = in.getLong();
        List<Object> values = new ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            values.add(value(in, type));
        }
        return values;
    }

    private static String string(ByteBuffer in) {
        byte[] bytes = new byte[(int) in.getLong()];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
