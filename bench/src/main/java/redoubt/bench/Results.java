package redoubt.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** All samples of a run: by workload and server, one for each round. */
final class Results {

    private final Map<String, Map<String, List<Sample>>> byWorkload = new LinkedHashMap<>();
    private final Map<String, ProcessUse.Memory> memory = new LinkedHashMap<>();

    void add(Workload workload, ServerPlan server, Sample sample) {
        byWorkload
                .computeIfAbsent(workload.id(), id -> new LinkedHashMap<>())
                .computeIfAbsent(server.id(), id -> new ArrayList<>())
                .add(sample);
    }

    void memory(ServerPlan server, ProcessUse.Memory held) {
        memory.put(server.id(), held);
    }

    Optional<ProcessUse.Memory> memory(String server) {
        return Optional.ofNullable(memory.get(server));
    }

    private List<Sample> samples(String workload, String server) {
        return byWorkload.getOrDefault(workload, Map.of()).getOrDefault(server, List.of());
    }

    /** A measure over the rounds; empty where it was not taken. */
    Optional<Spread> spread(String workload, String server, Measure measure) {
        List<Double> numbers = samples(workload, server).stream()
                .map(measure::of)
                .filter(number -> number > 0)
                .toList();
        return numbers.isEmpty() ? Optional.empty() : Optional.of(Spread.of(numbers));
    }

    /** One server's median over another's; least and most are of the rounds, each server against the other in the same round. */
    Optional<Spread> ratio(String workload, String server, String peer, Measure measure) {
        Optional<Spread> ours = spread(workload, server, measure);
        Optional<Spread> theirs = spread(workload, peer, measure);
        if (ours.isEmpty() || theirs.isEmpty()) {
            return Optional.empty();
        }
        List<Sample> our = samples(workload, server);
        List<Sample> their = samples(workload, peer);
        List<Double> rounds = new ArrayList<>();
        for (int round = 0; round < Math.min(our.size(), their.size()); round++) {
            rounds.add(measure.of(our.get(round)) / measure.of(their.get(round)));
        }
        Spread paired = Spread.of(rounds);
        return Optional.of(new Spread(ours.get().median() / theirs.get().median(), paired.least(), paired.most()));
    }
}
