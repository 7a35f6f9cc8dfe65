package io.lanewise.train;

import io.lanewise.autograd.Variable;
import io.lanewise.nn.AdamW;
import io.lanewise.nn.Initialisation;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Optimizer;
import io.lanewise.nn.Sgd;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** Makes the model that a configuration asks for, with its weights as they are before the first update. */
final class TrainableModels {
    /** Weights are drawn from another stream of random numbers than batches. */
    private static final long WEIGHTS_STREAM = 0x5851_F42D_4C95_7F2DL;
    private static final double ADAM_EPS = 1e-8;

    private TrainableModels() {
    }

    static TrainableModel create(TrainingConfig config, Tokenizer tokenizer, int threads) {
        return make(config, arena -> network(config, tokenizer, arena), threads);
    }

    /** A network with random weights, whatever its shape, with the optimiser that the configuration asks for. */
    static NetworkModel fresh(TrainingConfig config, NetworkConfig shape, int threads) {
        return make(config, arena -> random(config, shape, arena), threads);
    }

    private static NetworkModel make(TrainingConfig config, Function<Arena, Network> source, int threads) {
        Arena arena = Arena.ofShared();
        ComputePool pool = new ComputePool(threads);
        try {
            Network network = source.apply(arena);
            List<Variable> learning = config.loraRank() == 0 ? network.parameters() : adapters(config, network, arena);
            return new NetworkModel(network, optimizer(config, learning, arena, pool), config.clip(), config.recompute(),
                    arena, pool);
        } catch (RuntimeException | Error failed) {
            arena.close();
            pool.close();
            throw failed;
        }
    }

    private static Network random(TrainingConfig config, NetworkConfig shape, Arena arena) {
        return new Network(arena, shape).initialise(config.seed() ^ WEIGHTS_STREAM, Initialisation.NANO_GPT);
    }

    private static Network network(TrainingConfig config, Tokenizer tokenizer, Arena arena) {
        if (config.from().isEmpty()) {
            return random(config, config.network(tokenizer.vocabSize()), arena);
        }
        try (BaseModel base = BaseModel.open(Path.of(config.from()))) {
            if (config.context() > base.config().context()) {
                throw new IllegalArgumentException("context: " + config.context() + " positions, but " + config.from()
                        + " was made for " + base.config().context());
            }
            if (tokenizer.vocabSize() > base.config().vocabSize()) {
                throw new IllegalArgumentException("vocabularyFrom: it has " + tokenizer.vocabSize() + " tokens, but "
                        + config.from() + " only " + base.config().vocabSize());
            }
            Network network = new Network(arena, base.config().with(change -> change.dropout = (float) config.dropout()));
            network.parameters().forEach(parameter -> base.read(parameter.name(), parameter.value()));
            return network;
        }
    }

    private static List<Variable> adapters(TrainingConfig config, Network network, Arena arena) {
        if (config.from().isEmpty()) {
            throw new IllegalArgumentException("loraRank: adapters need a model to stand beside; name one with from");
        }
        return network.adapt(arena, config.loraRank(), config.loraAlpha(), config.loraTargets(),
                config.seed() ^ WEIGHTS_STREAM);
    }

    private static Optimizer optimizer(TrainingConfig config, List<Variable> learning, Arena arena, ComputePool pool) {
        return switch (config.optimizer()) {
            case ADAMW -> new AdamW(pool, arena, learning,
                    new AdamW.Options(config.beta1(), config.beta2(), ADAM_EPS, config.weightDecay()),
                    parameter -> parameter.shape().rank() == 2 && !parameter.name().contains("_embd."));
            case SGD -> new Sgd(pool, arena, learning, config.beta1(), config.weightDecay());
        };
    }
}
