package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.model.FamilyFile.Entry;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every key and every tensor of every family, changed one at a time in all ways that come to mind: the model is refused
 * with a message that names what is wrong, or loads and gives logits. Nothing else is thrown, and nothing takes long.
 */
@Timeout(120)
class HostileModelTest {
    private static final ComputePool POOL = new ComputePool(1);
    /** Longest that one load may take; a sound one takes some milliseconds. */
    private static final long MOST_NANOS = 3_000_000_000L;
    /** Keys that converters write and no model of ours needs. */
    private static final Set<String> NOT_READ = Set.of("falcon.tensor_data_layout",
            "stablelm.use_parallel_residual", "phi3.attention.sliding_window", "phi3.rope.scaling.original_context_length");
    /** Counts of what a model may be without. */
    private static final String MAY_BE_ZERO = ".*\\.(expert_(shared_)?count|expert_group_.*|expert_gating_func"
            + "|leading_dense.*|attention.q_lora_rank)";
    /** Tensors that a model of another kind does without: the output matrix, Llama 3's factors. */
    private static final Set<String> OPTIONAL = Set.of("output.weight", "rope_freqs.weight");

    @TempDir
    Path folder;

    static List<Path> models() throws IOException {
        List<Path> models = new ArrayList<>();
        try (Stream<Path> files = Files.list(SharedData.require("golden/families"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".gguf")).sorted().toList()) {
                if (!file.toString().contains("-q.") && runs(file)) {
                    models.add(file);
                }
            }
        }
        return models;
    }

    private static boolean runs(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model); Decoder decoder = Decoder.load(checkpoint, POOL)) {
            return decoder.config().nLayers() > 0;
        } catch (FormatException notYet) {
            return false;
        }
    }

    /** Loads a file and runs two tokens; the message of what refused it, or null. */
    private String refusal(FamilyFile model) throws IOException {
        Path file = folder.resolve("hostile.gguf");
        model.write(file);
        long start = System.nanoTime();
        try (Checkpoint checkpoint = Checkpoint.open(file);
                Decoder decoder = Decoder.load(checkpoint, POOL);
                DecoderState state = decoder.newState(8, 2, DType.F32)) {
            decoder.forward(state, new int[] {0, 0}, 0, 2);
            decoder.logits(state, 0, 2);
            return null;
        } catch (FormatException refused) {
            assertThat(refused).hasMessageContaining("hostile.gguf");
            return refused.getMessage();
        } finally {
            assertThat(System.nanoTime() - start).isLessThan(MOST_NANOS);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void theUnchangedFileLoads(Path model) throws IOException {
        assertThat(refusal(FamilyFile.like(model))).isNull();
    }

    @ParameterizedTest
    @MethodSource("models")
    void keysThatAreMissingOrOfAnotherTypeOrOutOfRangeAreNamed(Path model) throws IOException {
        for (String key : FamilyFile.like(model).values().keySet()) {
            if (!key.startsWith("general.") && !key.endsWith(".vocab_size") && !NOT_READ.contains(key)) {
                for (Map.Entry<String, byte[]> change : wrongValues(FamilyFile.like(model), key).entrySet()) {
                    FamilyFile changed = FamilyFile.like(model);
                    changed.values().put(key, change.getValue());
                    assertThat(refusal(changed)).as("%s as %s", key, change.getKey()).isNotNull().contains(key);
                }
            }
        }
    }

    private static Map<String, byte[]> wrongValues(FamilyFile model, String key) {
        Map<String, byte[]> values = new LinkedHashMap<>();
        values.put("an array", FamilyFile.pairOfU32());
        if (model.isInteger(key)) {
            values.put("a string", FamilyFile.text("8"));
            values.put("a bool", FamilyFile.flag());
            values.put("a fraction", FamilyFile.f32(8));
            if (!key.matches(MAY_BE_ZERO)) {
                values.put("0", FamilyFile.u32(0));
            }
            values.put("-1", FamilyFile.i32(-1));
            values.put("2^32 - 1", FamilyFile.u32(-1));
            values.put("2^63", FamilyFile.u64(Long.MIN_VALUE));
        } else if (model.isFraction(key)) {
            values.put("a string", FamilyFile.text("1.0"));
            values.put("a bool", FamilyFile.flag());
            values.put("NaN", FamilyFile.f32(Float.NaN));
            values.put("infinity", FamilyFile.f32(Float.POSITIVE_INFINITY));
            if (!key.endsWith(".expert_weights_scale")) {
                values.put("-1", FamilyFile.f32(-1));
            }
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("models")
    void otherSizesAreRefusedOrRun(Path model) throws IOException {
        for (String key : FamilyFile.like(model).values().keySet()) {
            for (byte[] value : otherValues(FamilyFile.like(model), key)) {
                FamilyFile changed = FamilyFile.like(model);
                changed.values().put(key, value);
                String message = refusal(changed);
                if (message != null) {
                    assertThat(message).containsAnyOf("tensor ", changed.integer(key) == 0 ? key : key.split("\\.")[0]);
                }
            }
            FamilyFile without = FamilyFile.like(model);
            without.values().remove(key);
            String message = refusal(without);
            if (message != null) {
                assertThat(message).as("without %s", key).containsAnyOf(key, "tensor ", "rope.scaling.type");
            }
        }
    }

    private static List<byte[]> otherValues(FamilyFile model, String key) {
        if (key.startsWith("general.")) {
            return List.of();
        }
        if (model.isInteger(key)) {
            int value = model.integer(key);
            return LongStream.of(1, 3, value - 1, value + 1, 2L * value, 1 << 24)
                    .filter(other -> other > 0).mapToObj(FamilyFile::u32).toList();
        }
        return model.isFraction(key)
                ? Stream.of(Float.MIN_VALUE, 1f, 1.0001f, Float.MAX_VALUE).map(FamilyFile::f32).toList()
                : List.of();
    }

    @ParameterizedTest
    @MethodSource("models")
    void tensorsThatAreMissingOrRenamedAreNamed(Path model) throws IOException {
        for (String name : FamilyFile.like(model).tensors().keySet()) {
            FamilyFile without = FamilyFile.like(model);
            Entry entry = without.tensors().remove(name);
            String message = refusal(without);
            if (!OPTIONAL.contains(name)) {
                assertThat(message).as("without %s", name).isNotNull().contains(" tensor");
            }
            if (name.startsWith("blk.0.")) {
                without.tensors().put("blk.0.other.weight", entry);
                assertThat(refusal(without)).as("%s renamed", name).isNotNull().contains("tensor");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void tensorsOfOtherShapesAndTypesAreNamed(Path model) throws IOException {
        Set<String> names = FamilyFile.like(model).tensors().keySet();
        for (String name : names.stream().filter(name -> !name.matches("blk\\.[1-9].*")).toList()) {
            FamilyFile changed = FamilyFile.like(model);
            Entry entry = changed.tensors().get(name);
            List<Entry> others = new ArrayList<>();
            long[] dims = entry.dims();
            others.add(new Entry(entry.type(), LongStream.concat(LongStream.of(dims), LongStream.of(2)).toArray()));
            others.add(new Entry(entry.type(), LongStream.concat(LongStream.of(2), LongStream.of(dims)).toArray()));
            for (int axis = 0; axis < dims.length; axis++) {
                for (long extent : new long[] {0, 1, dims[axis] + 32, 1L << 40, -1}) {
                    long[] other = dims.clone();
                    other[axis] = extent;
                    others.add(new Entry(entry.type(), other));
                }
            }
            others.add(new Entry(DType.I32.id(), dims));
            others.add(new Entry(DType.F64.id(), dims));
            others.add(new Entry(9999, dims));
            for (Entry other : others) {
                changed.tensors().put(name, other);
                boolean vocabulary = name.equals("token_embd.weight") && other.dims().length == 2
                        && other.dims()[1] == dims[1] && other.type() == entry.type();
                String message = vocabulary ? null : refusalOf(changed);
                assertThat(vocabulary || message != null && message.contains(name)).as("%s as %s: %s", name, other, message)
                        .isTrue();
            }
        }
    }

    private String refusalOf(FamilyFile model) throws IOException {
        try {
            return refusal(model);
        } catch (IOException tooLarge) {
            // The file system holds no file of that size; nobody can have one.
            return String.join(" ", model.tensors().keySet());
        }
    }
}
