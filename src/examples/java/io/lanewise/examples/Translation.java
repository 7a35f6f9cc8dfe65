package io.lanewise.examples;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.nn.AdamW;
import io.lanewise.nn.GradientNorm;
import io.lanewise.nn.Initialisation;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Tokenizers;
import io.lanewise.tokenizer.VocabularyTrainer;
import io.lanewise.train.BatchSource;
import io.lanewise.train.Bleu;
import io.lanewise.train.Chrf;
import io.lanewise.train.RandomState;
import io.lanewise.train.Schedule;
import io.lanewise.train.TokenBatch;
import io.lanewise.train.TokenDocument;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Translation as a language model: English verse, end-of-text, Spanish verse, end-of-text; only the Spanish counts in the
 * loss. Prints BLEU and chrF of greedy translations of held-out verses, and some of these.
 *
 * <pre>java --add-modules jdk.incubator.vector -cp target/engine.jar
 *     src/examples/java/io/lanewise/examples/Translation.java ../shared/data/bible-en-es/kjv-rv1909.tsv 3000</pre>
 */
public final class Translation {
    private static final int CONTEXT = 96;
    private static final int BATCH = 16;
    private static final int HELD_OUT = 128;
    private static final int VOCABULARY = 2048;

    private final RandomState random = new RandomState(3);
    private Tokenizer tokenizer;

    public static void main(String[] args) throws IOException {
        List<String[]> pairs = new ArrayList<>();
        Files.readAllLines(Path.of(args[0])).forEach(line -> pairs.add(line.split("\t")));
        Collections.shuffle(pairs, new Random(3));
        new Translation().run(pairs, args.length > 1 ? Integer.parseInt(args[1]) : 3000);
    }

    private void run(List<String[]> pairs, int steps) {
        List<String[]> training = pairs.subList(pairs.size() / 20, pairs.size());
        tokenizer = Tokenizers.of(VocabularyTrainer.byteLevelBpe(
                training.stream().map(pair -> pair[1] + "\n" + pair[2]).toList(), VOCABULARY));
        List<TokenDocument> documents = documents(training);
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Network network = new Network(arena, NetworkConfig.llama(tokenizer.vocabSize(), 192, 4, 6, 6, 512, CONTEXT)
                    .with(change -> change.tiedHead = true)).initialise(3, Initialisation.NANO_GPT);
            System.out.printf(Locale.ROOT, "%,d parameters, %,d pairs%n", network.parameterCount(), documents.size());
            train(network, BatchSource.documents(documents), arena, pool, tape, steps);
            test(network, tape, documents(pairs.subList(0, pairs.size() / 20)).subList(0, HELD_OUT));
        }
    }

    private List<TokenDocument> documents(List<String[]> pairs) {
        return pairs.stream().map(this::document).filter(document -> document.ids().length <= CONTEXT).toList();
    }

    private TokenDocument document(String[] pair) {
        int[] english = tokenizer.encode(pair[1], false, false);
        int[] spanish = tokenizer.encode(pair[2], false, false);
        int[] ids = Arrays.copyOf(english, english.length + spanish.length + 2);
        ids[english.length] = tokenizer.eos();
        System.arraycopy(spanish, 0, ids, english.length + 1, spanish.length);
        ids[ids.length - 1] = tokenizer.eos();
        return new TokenDocument(ids, english.length + 1);
    }

    private void train(Network network, BatchSource source, Arena arena, ComputePool pool, Tape tape, int steps) {
        AdamW adam = new AdamW(pool, arena, network.parameters(), new AdamW.Options(0.9, 0.98, 1e-8, 0.05));
        GradientNorm norm = new GradientNorm(pool, network.parameters());
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, 2e-3, 1e-4, Math.min(100, steps / 2), steps);
        TokenBatch batch = new TokenBatch(BATCH, CONTEXT);
        for (int step = 0; step < steps; step++) {
            source.draw(batch, random);
            tape.begin();
            Variable loss = network.loss(tape, batch.ids(), batch.targets(), BATCH, CONTEXT);
            tape.backward(loss);
            adam.step(schedule.at(step), GradientNorm.clipScale(norm.measure(), 1));
            adam.zeroGrad();
            if (step % 250 == 0) {
                System.out.printf(Locale.ROOT, "step %d loss %.3f%n", step, loss.item());
            }
        }
    }

    private void test(Network network, Tape tape, List<TokenDocument> verses) {
        Bleu bleu = new Bleu(Bleu.Smoothing.HALVING);
        Chrf chrf = new Chrf();
        for (int first = 0; first < verses.size(); first += BATCH) {
            List<TokenDocument> some = verses.subList(first, first + BATCH);
            int[] ids = translate(network, tape, some);
            for (int row = 0; row < BATCH; row++) {
                int[] given = some.get(row).ids();
                int from = some.get(row).lossFrom();
                String right = tokenizer.decode(Arrays.copyOfRange(given, from, given.length));
                String translation = tokenizer.decode(Arrays.copyOfRange(ids, row * CONTEXT + from, (row + 1) * CONTEXT));
                bleu.add(translation, right);
                chrf.add(translation, right);
                if (row == 0) {
                    System.out.println(tokenizer.decode(Arrays.copyOf(given, from)) + "\n  -> " + translation);
                }
            }
        }
        System.out.printf(Locale.ROOT, "BLEU %.2f, chrF %.2f on held-out verses%n", bleu.score(), chrf.score());
    }

    /** Verse by verse [BATCH, CONTEXT] what was given and the likeliest tokens behind it; end-of-text behind the end. */
    private int[] translate(Network network, Tape tape, List<TokenDocument> verses) {
        int[] ids = new int[BATCH * CONTEXT];
        Arrays.fill(ids, tokenizer.eos());
        int shortest = CONTEXT;
        for (int row = 0; row < BATCH; row++) {
            System.arraycopy(verses.get(row).ids(), 0, ids, row * CONTEXT, verses.get(row).lossFrom());
            shortest = Math.min(shortest, verses.get(row).lossFrom());
        }
        boolean[] ended = new boolean[BATCH];
        for (int position = shortest; position < CONTEXT; position++) {
            float[] logits = network.logits(tape.beginNoGrad(), ids, BATCH, CONTEXT).value().toFloatArray();
            for (int row = 0; row < BATCH; row++) {
                int at = row * CONTEXT + position;
                if (position >= verses.get(row).lossFrom() && !ended[row]) {
                    ids[at] = likeliest(logits, (at - 1) * tokenizer.vocabSize());
                    ended[row] = ids[at] == tokenizer.eos();
                }
            }
        }
        return ids;
    }

    private int likeliest(float[] x, int from) {
        return IntStream.range(0, tokenizer.vocabSize()).reduce((a, b) -> x[from + b] > x[from + a] ? b : a).getAsInt();
    }
}
