package io.lanewise.examples;

import io.lanewise.autograd.Tape;
import io.lanewise.nn.AdamW;
import io.lanewise.nn.GradientNorm;
import io.lanewise.nn.Initialisation;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import io.lanewise.train.BatchSource;
import io.lanewise.train.RandomState;
import io.lanewise.train.RankingMetrics;
import io.lanewise.train.Schedule;
import io.lanewise.train.TokenBatch;
import io.lanewise.train.TokenDocument;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Which item comes next? Self-attention over what a user took before (as SASRec does: Kang and McAuley, ICDM 2018), on
 * sequences that this program makes: items belong to genres, popular ones are taken more often, users stay in a genre for
 * a while and then go on to the genre that follows it. The last item of each user is held out. Prints hit rate and NDCG at
 * 10 of the network and of always recommending what is most popular.
 *
 * <pre>java --add-modules jdk.incubator.vector -cp target/engine.jar
 *     src/examples/java/io/lanewise/examples/Recommendation.java</pre>
 */
public final class Recommendation {
    private static final int ITEMS = 400;
    private static final int GENRES = 20;
    private static final int USERS = 2048;
    private static final int LENGTH = 24;
    private static final int K = 10;
    private static final int BATCH = 32;
    private static final double STAY = 0.75;

    private final RandomState random = new RandomState(2);

    public static void main(String[] args) {
        new Recommendation().run(args.length > 0 ? Integer.parseInt(args[0]) : 600);
    }

    private void run(int steps) {
        int[][] users = new int[USERS][];
        for (int user = 0; user < USERS; user++) {
            users[user] = sequence();
        }
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Network network = new Network(arena, NetworkConfig.gpt(ITEMS, 64, 2, 2, LENGTH)
                    .with(change -> change.dropout = 0.1f)).initialise(2, Initialisation.NANO_GPT);
            train(network, new AdamW(pool, arena, network.parameters(), new AdamW.Options(0.9, 0.98, 1e-8, 0.01)), tape,
                    new GradientNorm(pool, network.parameters()), users, steps);
            print("self-attention", evaluate(network, tape, users));
            print("most popular", popularity(users));
        }
    }

    /** A genre's items are GENRES apart; within a genre the i-th is taken with probability ~ 1 / (i + 1). */
    private int[] sequence() {
        int[] items = new int[LENGTH + 1];
        int genre = random.nextInt(GENRES);
        for (int i = 0; i < items.length; i++) {
            if (random.nextDouble() > STAY) {
                genre = (genre * 7 + 3) % GENRES;
            }
            int rank = (int) Math.pow(ITEMS / GENRES, random.nextDouble());
            items[i] = rank % (ITEMS / GENRES) * GENRES + genre;
        }
        return items;
    }

    private void train(Network network, AdamW adam, Tape tape, GradientNorm norm, int[][] users, int steps) {
        List<TokenDocument> histories = new ArrayList<>();
        for (int[] user : users) {
            histories.add(new TokenDocument(Arrays.copyOf(user, LENGTH)));
        }
        BatchSource source = BatchSource.documents(histories);
        TokenBatch batch = new TokenBatch(BATCH, LENGTH - 1);
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, 2e-3, 1e-5, 30, steps);
        for (int step = 0; step < steps; step++) {
            source.draw(batch, random);
            tape.begin().seed(step);
            tape.backward(network.loss(tape, batch.ids(), batch.targets(), BATCH, LENGTH - 1));
            adam.step(schedule.at(step), GradientNorm.clipScale(norm.measure(), 1));
            adam.zeroGrad();
        }
    }

    /** Ranks all items behind each user's history but the last item, which is the right one. */
    private static RankingMetrics evaluate(Network network, Tape tape, int[][] users) {
        RankingMetrics metrics = new RankingMetrics(K);
        int[] ids = new int[BATCH * LENGTH];
        for (int first = 0; first < USERS; first += BATCH) {
            for (int row = 0; row < BATCH; row++) {
                System.arraycopy(users[first + row], 0, ids, row * LENGTH, LENGTH);
            }
            Tensor logits = network.logits(tape.beginNoGrad(), ids, BATCH, LENGTH).value();
            for (int row = 0; row < BATCH; row++) {
                metrics.add(logits.row(row).row(LENGTH - 1).toFloatArray(), users[first + row][LENGTH]);
            }
        }
        return metrics;
    }

    private static RankingMetrics popularity(int[][] users) {
        float[] counts = new float[ITEMS];
        for (int[] user : users) {
            for (int i = 0; i < LENGTH; i++) {
                counts[user[i]]++;
            }
        }
        RankingMetrics metrics = new RankingMetrics(K);
        for (int[] user : users) {
            metrics.add(counts, user[LENGTH]);
        }
        return metrics;
    }

    private static void print(String name, RankingMetrics metrics) {
        System.out.printf(Locale.ROOT, "%s: HR@%d %.4f, NDCG@%d %.4f over %d users%n", name, K, metrics.hitRate(), K,
                metrics.ndcg(), metrics.cases());
    }
}
