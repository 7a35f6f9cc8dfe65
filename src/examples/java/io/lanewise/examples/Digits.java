package io.lanewise.examples;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.nn.AdamW;
import io.lanewise.nn.Initialisation;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Positions;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import io.lanewise.train.ConfusionMatrix;
import io.lanewise.train.RandomState;
import io.lanewise.train.Schedule;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;

/**
 * Handwritten digits by a transformer encoder: an 8×8 picture is 16 patches of 2×2 points, each patch a token; the mean
 * of the encoder's outputs is classified. Prints accuracy, precision, recall and F1 on pictures that it never saw.
 *
 * <pre>java --add-modules jdk.incubator.vector -cp target/engine.jar src/examples/java/io/lanewise/examples/Digits.java
 *     ../shared/data/digits/digits.csv.gz</pre>
 */
public final class Digits {
    private static final int PATCHES = 16;
    private static final int PATCH = 4;
    private static final int CLASSES = 10;
    private static final int DIM = 48;
    private static final int BATCH = 64;

    /** A picture as [PATCHES, PATCH] values from 0 to 1, and the digit that it shows. */
    private record Picture(float[] patches, int digit) {
    }

    private final ComputePool pool = ComputePool.shared();
    private final Arena arena = Arena.ofAuto();
    private final RandomState random = new RandomState(1);
    private final Network encoder = new Network(arena, NetworkConfig.encoder(0, DIM, 2, 4, 2 * DIM, PATCHES)
            .with(change -> change.positions = Positions.LEARNED)).initialise(1, Initialisation.TORCH);
    private final Variable patchWeight = matrix("patch.weight", DIM, PATCH);
    private final Variable headWeight = matrix("head.weight", CLASSES, DIM);
    private final Variable headBias = Variable.parameter(arena, "head.bias", CLASSES);
    private final Variable input = Variable.input(arena, "pictures", BATCH, PATCHES, PATCH);
    private final int[] digits = new int[BATCH];
    private final Tape tape = new Tape(pool);

    public static void main(String[] args) throws IOException {
        System.out.println(new Digits().run(read(Path.of(args[0])), args.length > 1 ? Integer.parseInt(args[1]) : 40));
    }

    /** Trains on four of five pictures and returns the confusion matrix of the fifth. */
    private ConfusionMatrix run(List<Picture> pictures, int epochs) {
        int[] order = IntStream.range(0, pictures.size()).toArray();
        random.shuffle(order);
        int held = pictures.size() / 5;
        int[] train = Arrays.copyOfRange(order, held, order.length);
        List<Variable> parameters = new ArrayList<>(encoder.parameters());
        parameters.addAll(List.of(patchWeight, headWeight, headBias));
        AdamW adam = new AdamW(pool, arena, parameters, new AdamW.Options(0.9, 0.999, 1e-8, 0.01));
        int steps = epochs * (train.length / BATCH);
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, 2e-3, 1e-5, steps / 20, steps);
        for (int step = 0; step < steps; step++) {
            int inEpoch = step % (train.length / BATCH);
            if (inEpoch == 0) {
                random.shuffle(train);
            }
            load(pictures, train, inEpoch * BATCH);
            tape.begin();
            tape.backward(tape.crossEntropy(logits(), digits, -1));
            adam.step(schedule.at(step), 1);
            adam.zeroGrad();
        }
        ConfusionMatrix matrix = test(pictures, Arrays.copyOf(order, held));
        System.out.printf("accuracy %.4f, macro precision %.4f, recall %.4f, F1 %.4f on %d held-out pictures%n",
                matrix.accuracy(), matrix.macroPrecision(), matrix.macroRecall(), matrix.macroF1(), held);
        return matrix;
    }

    /** [BATCH, CLASSES] */
    private Variable logits() {
        Variable tokens = tape.linear(input, patchWeight, null);
        return tape.linear(tape.meanPool(encoder.blocks(tape, tokens)), headWeight, headBias);
    }

    private ConfusionMatrix test(List<Picture> pictures, int[] which) {
        ConfusionMatrix matrix = new ConfusionMatrix(CLASSES);
        for (int first = 0; first < which.length; first += BATCH) {
            load(pictures, which, first);
            tape.beginNoGrad();
            Tensor scores = logits().value();
            for (int row = 0; row < Math.min(BATCH, which.length - first); row++) {
                float[] score = scores.row(row).toFloatArray();
                int best = IntStream.range(0, CLASSES).reduce((a, b) -> score[b] > score[a] ? b : a).orElseThrow();
                matrix.add(digits[row], best);
            }
        }
        return matrix;
    }

    /** Fills the batch with pictures from {@code first} on; behind the last with the last again. */
    private void load(List<Picture> pictures, int[] which, int first) {
        float[] values = new float[BATCH * PATCHES * PATCH];
        for (int row = 0; row < BATCH; row++) {
            Picture picture = pictures.get(which[Math.min(first + row, which.length - 1)]);
            System.arraycopy(picture.patches, 0, values, row * PATCHES * PATCH, PATCHES * PATCH);
            digits[row] = picture.digit;
        }
        input.value().copyFrom(values);
    }

    private Variable matrix(String name, int rows, int columns) {
        Variable matrix = Variable.parameter(arena, name, rows, columns);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) ((2 * random.nextDouble() - 1) / Math.sqrt(columns));
        }
        matrix.value().copyFrom(values);
        return matrix;
    }

    private static List<Picture> read(Path file) throws IOException {
        List<Picture> pictures = new ArrayList<>();
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(new GZIPInputStream(Files.newInputStream(file))))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                float[] points = new float[64];
                String[] fields = line.split(",");
                for (int y = 0; y < 8; y++) {
                    for (int x = 0; x < 8; x++) {
                        int patch = y / 2 * 4 + x / 2;
                        points[patch * PATCH + y % 2 * 2 + x % 2] = Float.parseFloat(fields[y * 8 + x]) / 16;
                    }
                }
                pictures.add(new Picture(points, (int) Float.parseFloat(fields[64])));
            }
        }
        return pictures;
    }
}
