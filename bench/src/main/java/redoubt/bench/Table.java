package redoubt.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BiFunction;

/** The results as Markdown. */
final class Table {

    private static final double MIB = 1L << 20;

    private final List<ServerPlan> servers;
    private final List<Workload> workloads;
    private final Results results;

    Table(List<ServerPlan> servers, List<Workload> workloads, Results results) {
        this.servers = servers;
        this.workloads = workloads;
        this.results = results;
    }

    /** All tables, with their headings. */
    String markdown() {
        StringBuilder text = new StringBuilder();
        text.append("### Against the goals\n\n").append(goals());
        text.append("\n### Throughput: thousands of operations, or MB, a second\n\n")
                .append(grid("workload", workloads, this::throughput));
        text.append("\n### Latency p50 / p99, microseconds\n\n")
                .append(grid(
                        "workload",
                        workloads.stream().filter(Workload::countsOperations).toList(),
                        this::latency));
        text.append("\n### Processor seconds of the server for each GiB moved\n\n")
                .append(grid("workload", workloads, this::cpu));
        text.append("\n### Memory of the server beyond what it serves, MiB\n\n").append(memory());
        return text.toString();
    }

    private String goals() {
        List<ServerPlan> ours = servers.stream()
                .filter(s -> Goal.all().getFirst().bound(s.id()).isPresent())
                .toList();
        StringBuilder text = new StringBuilder("| row | workload | ratio of |");
        ours.forEach(server -> text.append(' ').append(server.title()).append(" |"));
        text.append("\n|---|---|---|").append("---|".repeat(ours.size())).append('\n');
        for (Goal goal : Goal.all()) {
            Optional<Workload> workload = workloads.stream()
                    .filter(w -> w.id().equals(goal.workload()))
                    .findFirst();
            Optional<ServerPlan> peer =
                    servers.stream().filter(s -> s.id().equals(goal.peer())).findFirst();
            if (workload.isEmpty() || peer.isEmpty()) {
                continue;
            }
            text.append("| %d | %s | %s to %s |"
                    .formatted(
                            goal.row(),
                            workload.get().title(),
                            goal.measure().title(),
                            peer.get().title()));
            for (ServerPlan server : ours) {
                text.append(' ').append(goalCell(goal, server)).append(" |");
            }
            text.append('\n');
        }
        return text.toString();
    }

    private String goalCell(Goal goal, ServerPlan server) {
        Optional<Spread> ratio = results.ratio(goal.workload(), server.id(), goal.peer(), goal.measure());
        if (ratio.isEmpty()) {
            return "";
        }
        Spread found = ratio.get();
        String numbers = "%.2f (%.2f..%.2f)".formatted(found.median(), found.least(), found.most());
        OptionalDouble bound = goal.bound(server.id());
        if (bound.isEmpty()) {
            return numbers;
        }
        boolean met = goal.met(found.median(), bound.getAsDouble());
        String wanted = (goal.bounded() ? "≤ " : "≥ ") + bound.getAsDouble();
        return met ? numbers + " " + wanted + " met" : "**" + numbers + "** " + wanted + " missed";
    }

    private String grid(String corner, List<Workload> rows, BiFunction<Workload, ServerPlan, String> cell) {
        StringBuilder text = new StringBuilder("| " + corner + " |");
        servers.forEach(server -> text.append(' ').append(server.title()).append(" |"));
        text.append("\n|---|").append("---|".repeat(servers.size())).append('\n');
        for (Workload workload : rows) {
            text.append("| ").append(workload.title()).append(" |");
            for (ServerPlan server : servers) {
                text.append(' ').append(cell.apply(workload, server)).append(" |");
            }
            text.append('\n');
        }
        return text.toString();
    }

    private String throughput(Workload workload, ServerPlan server) {
        if (workload.countsOperations()) {
            return results.spread(workload.id(), server.id(), Measure.OPERATIONS)
                    .map(s -> "%.1fk (%.1f..%.1f)".formatted(s.median() / 1e3, s.least() / 1e3, s.most() / 1e3))
                    .orElse("");
        }
        return results.spread(workload.id(), server.id(), Measure.MEGABYTES)
                .map(s -> "%.0f (%.0f..%.0f)".formatted(s.median(), s.least(), s.most()))
                .orElse("");
    }

    private String latency(Workload workload, ServerPlan server) {
        Optional<Spread> p50 = results.spread(workload.id(), server.id(), Measure.P50);
        Optional<Spread> p99 = results.spread(workload.id(), server.id(), Measure.P99);
        if (p50.isEmpty() || p99.isEmpty()) {
            return "";
        }
        return "%.0f / %.0f".formatted(p50.get().median(), p99.get().median());
    }

    private String cpu(Workload workload, ServerPlan server) {
        return results.spread(workload.id(), server.id(), Measure.CPU)
                .map(s -> "%.2f (%.2f..%.2f)".formatted(s.median(), s.least(), s.most()))
                .orElse("");
    }

    private String memory() {
        StringBuilder text = new StringBuilder("| |");
        List<String> all = new ArrayList<>();
        List<String> anonymous = new ArrayList<>();
        for (ServerPlan server : servers) {
            text.append(' ').append(server.title()).append(" |");
            all.add(results.memory(server.id()).map(m -> mib(m.beyondFiles())).orElse(""));
            anonymous.add(
                    results.memory(server.id()).map(m -> mib(m.anonymous())).orElse(""));
        }
        text.append("\n|---|").append("---|".repeat(servers.size()));
        text.append("\n| all, its share of libraries included | ").append(String.join(" | ", all));
        text.append(" |\n| of that, no file | ")
                .append(String.join(" | ", anonymous))
                .append(" |\n");
        return text.toString();
    }

    private static String mib(long bytes) {
        return String.format(Locale.ROOT, "%.0f", bytes / MIB);
    }
}
