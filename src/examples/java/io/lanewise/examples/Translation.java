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
 * loss. Prints BLEU and chrF of greedy translations of verses that it never saw, and some of them.
 *
 * <pre>java --add-modules jdk.incubator.vector -cp target/engine.jar
 *     src/examples/java/io/lanewise/examples/Translation.java ../shared/data/bible-en-es/kjv-rv1909.tsv 3000</pre>
 */
public final class Translation {
    private static final int CONTEXT = 96;
    private static final int BATCH = 16;
    private static final int HELD_OUT = 128;
    private static final int VOCABULARY = 2048;

    private record Pair(String english, String spanish) {
    }

    private Tokenizer tokenizer;

    public static void main(String[] args) throws IOException {
        List<Pair> pairs = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] fields = line.split("\t");
            pairs.add(new Pair(fields[1], fields[2]));
        }
        Collections.shuffle(pairs, new Random(3));
        new Translation().run(pairs, args.length > 1 ? Integer.parseInt(args[1]) : 3000);
    }

    private void run(List<Pair> pairs, int steps) {
        List<Pair> training = pairs.subList(pairs.size() / 20, pairs.size());
        tokenizer = Tokenizers.of(VocabularyTrainer.byteLevelBpe(
                training.stream().map(pair -> pair.english + "\n" + pair.spanish).toList(), VOCABULARY));
        List<Pair> heldOut = pairs.stream().limit(pairs.size() / 20).filter(this::fits).limit(HELD_OUT).toList();
        List<TokenDocument> documents = training.stream().filter(this::fits).map(this::document).toList();
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Network network = new Network(arena, NetworkConfig.llama(tokenizer.vocabSize(), 192, 4, 6, 6, 512, CONTEXT)
                    .with(change -> change.tiedHead = true)).initialise(3, Initialisation.NANO_GPT);
            System.out.printf(Locale.ROOT, "%,d parameters, %,d pairs%n", network.parameterCount(), documents.size());
            train(network, BatchSource.documents(documents), arena, pool, tape, steps);
            test(network, tape, heldOut);
        }
    }

    private boolean fits(Pair pair) {
        return document(pair).ids().length <= CONTEXT;
    }

    private TokenDocument document(Pair pair) {
        int[] english = tokenizer.encode(pair.english, false, false);
        int[] spanish = tokenizer.encode(pair.spanish, false, false);
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
        RandomState random = new RandomState(3);
        double mean = 0;
        for (int step = 0; step < steps; step++) {
            source.draw(batch, random);
            tape.begin();
            Variable loss = network.loss(tape, batch.ids(), batch.targets(), BATCH, CONTEXT);
            tape.backward(loss);
            adam.step(schedule.at(step), GradientNorm.clipScale(norm.measure(), 1));
            adam.zeroGrad();
            mean = step == 0 ? loss.item() : 0.99 * mean + 0.01 * loss.item();
            if (step % 250 == 0) {
                System.out.printf(Locale.ROOT, "step %d loss %.3f%n", step, mean);
            }
        }
    }

    private void test(Network network, Tape tape, List<Pair> pairs) {
        Bleu bleu = new Bleu(Bleu.Smoothing.HALVING);
        Chrf chrf = new Chrf();
        for (int first = 0; first < pairs.size(); first += BATCH) {
            List<Pair> some = pairs.subList(first, Math.min(first + BATCH, pairs.size()));
            List<String> translations = translate(network, tape, some);
            for (int i = 0; i < some.size(); i++) {
                bleu.add(translations.get(i), some.get(i).spanish);
                chrf.add(translations.get(i), some.get(i).spanish);
            }
            System.out.println(some.getFirst().english + "\n  -> " + translations.getFirst());
        }
        System.out.printf(Locale.ROOT, "BLEU %.2f, chrF %.2f on %d held-out verses%n", bleu.score(), chrf.score(),
                pairs.size());
    }

    /** The likeliest token for all rows at once, position by position, until every row has ended. */
    private List<String> translate(Network network, Tape tape, List<Pair> pairs) {
        int[] ids = new int[BATCH * CONTEXT];
        int[] from = new int[BATCH];
        int[] end = new int[BATCH];
        for (int row = 0; row < pairs.size(); row++) {
            int[] prompt = document(pairs.get(row)).ids();
            from[row] = document(pairs.get(row)).lossFrom();
            end[row] = from[row];
            System.arraycopy(prompt, 0, ids, row * CONTEXT, from[row]);
        }
        boolean going = true;
        while (going) {
            float[] logits = network.logits(tape.beginNoGrad(), ids, BATCH, CONTEXT).value().toFloatArray();
            going = false;
            for (int row = 0; row < pairs.size(); row++) {
                int last = row * CONTEXT + end[row] - 1;
                if (end[row] < CONTEXT && (end[row] == from[row] || ids[last] != tokenizer.eos())) {
                    ids[last + 1] = argmax(logits, last * tokenizer.vocabSize());
                    end[row]++;
                    going = true;
                }
            }
        }
        List<String> texts = new ArrayList<>();
        for (int row = 0; row < pairs.size(); row++) {
            texts.add(tokenizer.decode(Arrays.copyOfRange(ids, row * CONTEXT + from[row], row * CONTEXT + end[row])));
        }
        return texts;
    }

    private int argmax(float[] logits, int from) {
        return IntStream.range(0, tokenizer.vocabSize()).reduce((a, b) -> logits[from + b] > logits[from + a] ? b : a)
                .orElseThrow();
    }
}
