package io.lanewise.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.SharedData;
import io.lanewise.TorchFile;
import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.parallel.ComputePool;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits, loss, every gradient and ten steps of training against PyTorch's: the cases of golden/torch. */
class TorchGoldenTest {
    private static final double LOSS = 2e-6;
    private static final double TENSOR = 1e-5;

    /** How close training stays: relative error of losses before and from step 2 on, of gradients, and of final values. */
    private enum Closeness {
        /** What the README of the golden data suggests. */
        TIGHT(5e-6, 5e-6, TENSOR, 5e-5),
        /**
         * In exact arithmetic a pre-activation of seed-net-small's second step is 1.6e-7 (unit 15 of the second block, row
         * 179), and it moves by 8e-6 with the rounding of one gradient of 2.5e-8, which Adam takes for a step of its own.
         * On which side of 0 it falls is luck: forced to 128 bits this test has agreed to 6e-8 all along.
         */
        ONE_KINK(5e-6, 3e-5, TENSOR, Double.NaN),
        /** The README gives these for seed-net, where many units are close to 0. */
        MANY_KINKS(1e-6, 3e-3, 1e-4, Double.NaN);

        final double firstLosses;
        final double losses;
        final double gradients;
        final double finalValues;

        Closeness(double firstLosses, double losses, double gradients, double finalValues) {
            this.firstLosses = firstLosses;
            this.losses = losses;
            this.gradients = gradients;
            this.finalValues = finalValues;
        }
    }

    /** A network under training: the golden's names for our parameters, and its loss. */
    private static final class Case {
        final Path folder;
        final Map<?, ?> config;
        final List<Variable> parameters = new ArrayList<>();
        final List<String> torchNames = new ArrayList<>();
        /** First element of each parameter within its tensor in the file. */
        final List<Integer> offsets = new ArrayList<>();
        Function<Tape, Variable> logits;
        int[] targets;

        Case(String name) {
            folder = SharedData.require("golden/torch/" + name);
            config = (Map<?, ?>) TorchFile.json(folder.resolve("config.json"));
        }

        int size(String key) {
            return ((Number) config.get(key)).intValue();
        }

        void add(Variable parameter, String torchName, int offset) {
            parameters.add(parameter);
            torchNames.add(torchName);
            offsets.add(offset);
        }

        /** The elements of parameter i in a file's tensor, or null where it is not stored. */
        double[] part(TorchFile file, int i) {
            if (!file.has(torchNames.get(i))) {
                return null;
            }
            double[] whole = file.doubles(torchNames.get(i));
            int from = offsets.get(i);
            return Arrays.copyOfRange(whole, from, from + (int) parameters.get(i).shape().elements());
        }

        boolean isKeyBias(int i) {
            return parameters.get(i).name().endsWith("attn_k.bias");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void decoderWithLayerNormAndRelu(int threads) {
        Case c = new Case("gpt-preln-relu");
        try (Arena arena = Arena.ofShared()) {
            Network network = new Network(arena, NetworkConfig
                    .gpt(c.size("vocab"), c.size("width"), c.size("layers"), c.size("heads"), c.size("context"))
                    .with(s -> s.fusedQkv = false));
            takeLanguageModel(c, network, name -> gptName(name));
            check(c, arena, threads, Closeness.TIGHT);
        }
    }

    private static String gptName(String name) {
        return name.replace("token_embd.", "wte.").replace("position_embd.", "wpe.").replace("blk.", "h.")
                .replace("attn_norm.", "ln_1.").replace("ffn_norm.", "ln_2.").replace("attn_output.", "attn.o_proj.")
                .replaceAll("attn_([qkv])\\.", "attn.$1_proj.").replace("ffn_up.", "mlp.fc.")
                .replace("ffn_down.", "mlp.proj.").replace("output_norm.", "ln_f.");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void llamaBlock(int threads) {
        Case c = new Case("llama-block");
        try (Arena arena = Arena.ofShared()) {
            Network network = new Network(arena, NetworkConfig.llama(c.size("vocab"), c.size("width"), c.size("layers"),
                    c.size("heads"), c.size("kvHeads"), c.size("ffn"), c.size("context")).with(s -> {
                        s.ropeStyle = RopeStyle.HALF_SPLIT;
                    }));
            takeLanguageModel(c, network, name -> llamaName(name));
            check(c, arena, threads, Closeness.TIGHT);
        }
    }

    private static String llamaName(String name) {
        return name.replace("token_embd.", "model.embed_tokens.").replace("blk.", "model.layers.")
                .replace("attn_norm.", "input_layernorm.").replace("ffn_norm.", "post_attention_layernorm.")
                .replace("attn_output.", "self_attn.o_proj.").replaceAll("attn_([qkv])\\.", "self_attn.$1_proj.")
                .replaceAll("ffn_(gate|up|down)\\.", "mlp.$1_proj.").replace("output_norm.", "model.norm.")
                .replaceAll("^output\\.", "lm_head.");
    }

    @Test
    void encoderOfTheSeedNetSmall() {
        Case c = new Case("seed-net-small");
        try (Arena arena = Arena.ofShared()) {
            takeEncoder(c, seedNet(c, arena));
            check(c, arena, 2, Closeness.ONE_KINK);
        }
    }

    @Test
    void encoderOfTheSeedNet() {
        Case c = new Case("seed-net");
        try (Arena arena = Arena.ofShared()) {
            takeEncoder(c, seedNet(c, arena));
            check(c, arena, 2, Closeness.MANY_KINKS);
        }
    }

    private static Network seedNet(Case c, Arena arena) {
        return new Network(arena, NetworkConfig.encoder(c.size("vocab"), c.size("width"), c.size("layers"),
                c.size("heads"), c.size("ffn"), c.size("seq")).with(s -> s.positions = Positions.NONE));
    }

    private static void takeLanguageModel(Case c, Network network, UnaryOperator<String> torchName) {
        for (Variable parameter : network.parameters()) {
            c.add(parameter, torchName.apply(parameter.name()), 0);
        }
        takeBatch(c, network, c.size("batch"), c.size("context"));
    }

    private static void takeEncoder(Case c, Network network) {
        int q = c.size("width");
        for (Variable parameter : network.parameters()) {
            int part = switch (parameter.name().replaceAll(".*attn_([qkv])\\..*", "$1")) {
                case "k" -> 1;
                case "v" -> 2;
                default -> 0;
            };
            c.add(parameter, encoderName(parameter.name()), Math.toIntExact(part * parameter.shape().elements()));
        }
        if (network.config().vocabSize() > 0) {
            takeBatch(c, network, c.size("batch"), c.size("seq"));
        }
    }

    private static String encoderName(String name) {
        return name.replace("token_embd.", "embedding.").replaceAll("position_embd\\..*", "pos")
                .replace("blk.", "encoder.layers.").replace("attn_output_norm.", "norm1.")
                .replace("layer_output_norm.", "norm2.").replace("attn_output.", "self_attn.out_proj.")
                .replaceAll("attn_[qkv]\\.", "self_attn.in_proj_").replace("ffn_up.", "linear1.")
                .replace("ffn_down.", "linear2.").replaceAll("^output\\.", "fc.");
    }

    private static void takeBatch(Case c, Network network, int batch, int seqLen) {
        try (TorchFile file = TorchFile.open(c.folder.resolve("batch.safetensors"))) {
            int[] ids = file.ints("input_ids");
            c.targets = file.ints("targets");
            c.logits = tape -> network.logits(tape, ids, batch, seqLen);
        }
    }

    @Test
    void encoderClassifier() {
        Case c = new Case("encoder-classifier");
        int batch = c.size("batch");
        int tokens = c.size("tokens");
        int width = c.size("width");
        try (Arena arena = Arena.ofShared();
                TorchFile file = TorchFile.open(c.folder.resolve("batch.safetensors"))) {
            Network network = new Network(arena,
                    NetworkConfig.encoder(0, width, c.size("layers"), c.size("heads"), c.size("ffn"), tokens));
            Variable x = Variable.parameter(arena, "x", batch, tokens, c.size("tokenWidth"));
            file.load("x", x.value());
            Variable patch = Variable.parameter(arena, "patch.weight", width, c.size("tokenWidth"));
            Variable patchBias = Variable.parameter(arena, "patch.bias", width);
            Variable head = Variable.parameter(arena, "head.weight", c.size("classes"), width);
            Variable headBias = Variable.parameter(arena, "head.bias", c.size("classes"));
            takeEncoder(c, network);
            for (Variable own : List.of(patch, patchBias, head, headBias)) {
                c.add(own, own.name(), 0);
            }
            c.targets = file.ints("targets");
            c.logits = tape -> tape.linear(tape.meanPool(network.blocks(tape, tape.linear(x, patch, patchBias))), head,
                    headBias);
            check(c, arena, 2, Closeness.TIGHT);
            try (TorchFile grads = TorchFile.open(c.folder.resolve("grads.safetensors"))) {
                assertClose("input.x", firstInputGradient(c, x), grads.doubles("input.x"), TENSOR);
            }
        }
    }

    private static double[] firstInputGradient(Case c, Variable x) {
        try (ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            load(c);
            x.zeroGrad();
            tape.begin();
            tape.backward(tape.crossEntropy(c.logits.apply(tape), c.targets, -1));
            return wide(x.grad().toFloatArray());
        }
    }

    private static void check(Case c, Arena arena, int threads, Closeness closeness) {
        try (ComputePool pool = new ComputePool(threads); Tape tape = new Tape(pool)) {
            load(c);
            tape.begin();
            Variable logits = c.logits.apply(tape);
            Variable loss = tape.crossEntropy(logits, c.targets, -1);
            tape.backward(loss);
            try (TorchFile forward = TorchFile.open(c.folder.resolve("forward64.safetensors"))) {
                double[] expected = forward.doubles("logits");
                double[] actual = wide(logits.value().toFloatArray());
                assertClose("logits", Arrays.copyOf(actual, expected.length), expected, TENSOR);
                assertThat(loss.item()).isCloseTo((float) forward.doubles("loss")[0],
                        within((float) (LOSS * loss.item())));
            }
            try (TorchFile grads = TorchFile.open(c.folder.resolve("grads64.safetensors"))) {
                checkGradients(c, grads, closeness.gradients);
            }
            train(c, arena, pool, tape, closeness);
            if (!Double.isNaN(closeness.finalValues)) {
                checkFinal(c, closeness.finalValues);
            }
        }
    }

    private static void checkGradients(Case c, TorchFile grads, double tolerance) {
        for (int i = 0; i < c.parameters.size(); i++) {
            double[] expected = c.part(grads, i);
            double[] actual = wide(c.parameters.get(i).grad().toFloatArray());
            if (c.isKeyBias(i)) {
                assertThat(actual).as("gradient of a key bias").usingComparatorWithPrecision(1e-7)
                        .containsOnly(0.0);
            } else if (expected != null) {
                assertClose("gradient of " + c.torchNames.get(i), actual, expected, tolerance);
            }
        }
    }

    private static void train(Case c, Arena arena, ComputePool pool, Tape tape, Closeness closeness) {
        Map<?, ?> record = (Map<?, ?>) TorchFile.json(c.folder.resolve("adamw.json"));
        Map<?, ?> settings = (Map<?, ?>) c.config.get("optimizer");
        List<?> rates = (List<?>) settings.get("lr");
        List<?> losses = (List<?>) record.get("losses64");
        List<?> norms = (List<?>) record.get("gradNorm64");
        double clip = number(settings.get("clipGlobalNorm"));
        Optimizer optimizer = optimizer(c, arena, pool, settings);
        GradientNorm norm = new GradientNorm(pool, c.parameters);
        for (int step = 0; step <= 10; step++) {
            optimizer.zeroGrad();
            tape.begin();
            Variable loss = tape.crossEntropy(c.logits.apply(tape), c.targets, -1);
            double expected = number(step == 10 ? record.get("lossAfter64") : losses.get(step));
            double tolerance = step < 2 ? closeness.firstLosses : closeness.losses;
            assertThat((double) loss.item()).as("loss before step " + step).isCloseTo(expected,
                    within(tolerance * expected));
            if (step < 10) {
                tape.backward(loss);
                double measured = norm.measure();
                assertThat(measured).isCloseTo(number(norms.get(step)), within(1e-2 * measured));
                optimizer.step(number(rates.get(step)), clip == 0 ? 1 : GradientNorm.clipScale(measured, clip));
            }
        }
    }

    private static Optimizer optimizer(Case c, Arena arena, ComputePool pool, Map<?, ?> settings) {
        if (settings.get("kind").equals("SGD")) {
            return new Sgd(pool, arena, c.parameters, number(settings.get("momentum")), 0);
        }
        List<?> decayed = settings.get("weightDecayOn") instanceof List<?> names ? names : List.of();
        return new AdamW(pool, arena, c.parameters,
                new AdamW.Options(number(settings.get("beta1")), number(settings.get("beta2")),
                        number(settings.get("eps")), number(settings.get("weightDecay"))),
                parameter -> decayed.contains(c.torchNames.get(c.parameters.indexOf(parameter))));
    }

    private static void checkFinal(Case c, double tolerance) {
        try (TorchFile last = TorchFile.open(c.folder.resolve("final64.safetensors"))) {
            for (int i = 0; i < c.parameters.size(); i++) {
                if (!c.isKeyBias(i)) {
                    double[] expected = c.part(last, i);
                    double[] actual = wide(c.parameters.get(i).value().toFloatArray());
                    for (int j = 0; j < actual.length; j++) {
                        assertThat(actual[j]).as(c.torchNames.get(i) + " after ten steps, element " + j)
                                .isCloseTo(expected[j], within(tolerance));
                    }
                }
            }
        }
    }

    private static void load(Case c) {
        if (c.folder.endsWith("seed-net")) {
            Map<?, ?> shapes = (Map<?, ?>) c.config.get("parameterShapes");
            for (int i = 0; i < c.parameters.size(); i++) {
                String recipe = (String) ((Map<?, ?>) shapes.get(c.torchNames.get(i))).get("init");
                fillByFormula(c.parameters.get(i), recipe, c.offsets.get(i));
            }
            return;
        }
        try (TorchFile weights = TorchFile.open(c.folder.resolve("weights.safetensors"))) {
            for (int i = 0; i < c.parameters.size(); i++) {
                double[] values = c.part(weights, i);
                float[] narrow = new float[values.length];
                for (int j = 0; j < narrow.length; j++) {
                    narrow[j] = (float) values[j];
                }
                c.parameters.get(i).value().copyFrom(narrow);
            }
        }
    }

    /** The integer hash that config.json's "init" describes. */
    private static void fillByFormula(Variable parameter, String recipe, int offset) {
        String[] words = recipe.split(" ");
        float mean = Float.parseFloat(words[1]);
        float scale = Float.parseFloat(words[3]);
        long tensor = Long.parseLong(words[5]);
        float[] values = new float[(int) parameter.shape().elements()];
        for (int i = 0; i < values.length; i++) {
            long z = ((tensor << 32) + offset + i + 1) * 0x9E3779B97F4A7C15L;
            z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
            z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
            z ^= z >>> 31;
            float u = (float) ((z >>> 40) * 0x1p-23 - 1);
            values[i] = mean + scale * u;
        }
        parameter.value().copyFrom(values);
    }

    private static double number(Object value) {
        return ((Number) value).doubleValue();
    }

    private static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static void assertClose(String what, double[] actual, double[] expected, double tolerance) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            worst = Math.max(worst, Double.isNaN(actual[i]) ? Double.MAX_VALUE : Math.abs(actual[i] - expected[i]));
        }
        assertThat(worst / largest).as(what).isLessThan(tolerance);
    }
}
