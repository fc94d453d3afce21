package redoubt.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Compares Redoubt with its peers as users see them: servers side by side on one tmpfs, clients on Unix sockets, every workload against
 * every server in each round, in an order that changes from round to round. The machine may be slow, or busy: what counts are the
 * ratios of medians within one run.
 */
public final class WholePath {

    private static final double START_SECONDS = 0.4;
    private static final int EX_USAGE = 64;
    private static final int EX_IOERR = 74;
    private static final int EX_TEMPFAIL = 75;

    private final WholePathOptions options;
    private final Path root;
    private final Path directory;
    private final Path errors;
    private final List<ServerPlan> plans;
    private final List<Workload> workloads;

    private WholePath(
            WholePathOptions options, Path root, Path directory, List<ServerPlan> plans, List<Workload> workloads) {
        this.options = options;
        this.root = root;
        this.directory = directory;
        this.errors = directory.resolve("clients.log");
        this.plans = plans;
        this.workloads = workloads;
    }

    /** Runs; {@link WholePathOptions#USAGE} says with which words. */
    public static void main(String[] words) throws Exception {
        Path root = Path.of(System.getProperty("redoubt.root", "."))
                .toAbsolutePath()
                .normalize();
        try {
            if (List.of(words).contains("--list")) {
                list(root);
                return;
            }
            if (List.of(words).contains("--help")) {
                System.out.print(WholePathOptions.USAGE);
                return;
            }
            WholePathOptions options = WholePathOptions.parse(words);
            Path directory = Files.createTempDirectory(options.directory(), "redoubt-bench-");
            try {
                run(options, root, directory);
            } finally {
                remove(directory);
            }
        } catch (WholePathOptions.Misunderstood misunderstood) {
            System.err.println("bench: " + misunderstood.getMessage());
            System.err.print(WholePathOptions.USAGE);
            System.exit(EX_USAGE);
        } catch (IOException failed) {
            System.err.println("bench: " + failed.getMessage());
            System.exit(EX_IOERR);
        }
    }

    private static void list(Path root) {
        System.out.println("servers:");
        new ServerPlans(root, Path.of("DIR"), 512L << 20)
                .all()
                .forEach(plan -> System.out.printf("  %-20s %s%n", plan.id(), String.join(" ", plan.command())));
        System.out.println("workloads:");
        Workload.all().forEach(workload -> System.out.printf("  %-20s %s%n", workload.id(), workload.title()));
    }

    private static void run(WholePathOptions options, Path root, Path directory)
            throws IOException, InterruptedException, WholePathOptions.Misunderstood {
        List<ServerPlan> wanted = WholePathOptions.chosen(
                new ServerPlans(root, directory, options.sizeBytes()).all(), options.servers(), ServerPlan::id);
        List<ServerPlan> plans = new ArrayList<>();
        for (ServerPlan plan : wanted) {
            String program = plan.command().getFirst();
            if (program.startsWith("/") || Commands.exists(program)) {
                plans.add(plan);
            } else {
                System.out.println("bench: " + program + " is not installed: LEFT OUT: " + plan.title());
            }
        }
        List<Workload> workloads = new ArrayList<>();
        for (Workload workload : WholePathOptions.chosen(Workload.all(), options.workloads(), Workload::id)) {
            String program = switch (workload) {
                case Workload.Fio fio -> "fio";
                case Workload.Nbdcopy copy -> "nbdcopy";
                case Workload.Lean lean -> "";
            };
            if (program.isEmpty() || Commands.exists(program)) {
                workloads.add(workload);
            } else {
                System.out.println("bench: " + program + " is not installed: LEFT OUT: " + workload.title());
            }
        }
        long needed = plans.stream()
                        .mapToLong(plan -> plan.dataInMemory()
                                ? options.sizeBytes()
                                : plan.members().stream()
                                        .mapToLong(ServerPlan.Member::bytes)
                                        .sum())
                        .sum()
                + 2 * options.sizeBytes();
        long there =
                Math.min(Machine.availableBytes(), Files.getFileStore(directory).getUsableSpace());
        if (needed > there) {
            System.err.printf(
                    "bench: %d MiB of memory are needed in %s and %d are there; give a smaller --size or fewer --servers%n",
                    needed >> 20, directory, there >> 20);
            System.exit(EX_TEMPFAIL);
        }
        new WholePath(options, root, directory, plans, workloads).run();
    }

    private void run() throws IOException, InterruptedException {
        int cells = plans.size() * workloads.size();
        double expected = cells
                * ((options.warmSeconds() > 0 ? options.warmSeconds() + START_SECONDS : 0)
                        + options.rounds() * (options.seconds() + START_SECONDS));
        System.out.printf(
                "bench: %d servers, %d workloads, %d rounds of %.0f s: about %.0f minutes%n",
                plans.size(), workloads.size(), options.rounds(), options.seconds(), Math.ceil(expected / 60));
        OffsetDateTime begun = OffsetDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.SECONDS);
        double loadBefore = Machine.load();
        Path noise = directory.resolve("noise");
        MemberFile.makeNoise(noise, options.sizeBytes(), 1);
        Client client = new Client(noise, errors, options.sizeBytes());
        Results results = new Results();
        List<Server> servers = new ArrayList<>();
        Thread sweeper = new Thread(() -> servers.forEach(Server::close));
        Runtime.getRuntime().addShutdownHook(sweeper);
        try {
            for (ServerPlan plan : plans) {
                System.out.println("bench: starting " + plan.title());
                Server server = Server.start(plan, directory, Map.of("REDOUBT_BUILD", "never"));
                servers.add(server);
                fill(client, server, noise);
            }
            measure(client, servers, results);
            for (Server server : servers) {
                results.memory(server.plan(), server.memoryBeyondData());
            }
        } finally {
            servers.forEach(Server::close);
        }
        String report = report(begun, loadBefore, client, results);
        System.out.println();
        System.out.print(report);
        if (options.record()) {
            Path book = root.resolve("docs/benchmarks.md");
            Files.writeString(book, "\n" + report, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            System.out.println("bench: appended to " + book);
        }
    }

    /** Gives a server its content through its own door, and looks whether it comes back: a fast server of wrong bytes is none. */
    private void fill(Client client, Server server, Path noise) throws IOException, InterruptedException {
        Commands.run(client.nbdcopyWords(true, server.uri()), Map.of(), errors, 120);
        Path back = directory.resolve("back");
        Commands.run(List.of("nbdcopy", server.uri(), back.toString()), Map.of(), errors, 120);
        long differs = Files.mismatch(noise, back);
        Files.delete(back);
        if (differs >= 0 && differs < options.sizeBytes()) {
            throw new IOException(
                    server.plan().title() + " gives back other bytes than it was given, from byte " + differs + " on");
        }
    }

    private void measure(Client client, List<Server> servers, Results results)
            throws IOException, InterruptedException {
        if (options.warmSeconds() > 0) {
            System.out.println("bench: warming up");
            for (Workload workload : workloads) {
                for (Server server : servers) {
                    client.run(workload, server, options.warmSeconds());
                }
            }
        }
        for (int round = 1; round <= options.rounds(); round++) {
            for (Workload workload : workloads) {
                List<Server> order = new ArrayList<>(servers);
                Collections.shuffle(
                        order, new Random(31L * round + workload.id().hashCode()));
                for (Server server : order) {
                    Sample sample = client.run(workload, server, options.seconds());
                    results.add(workload, server.plan(), sample);
                    System.out.printf(
                            "round %d  %-20s %-14s %9.0f op/s %7.0f MB/s  p50 %6.0f  p99 %6.0f us  %6.2f CPU s/GiB%n",
                            round,
                            workload.id(),
                            server.plan().id(),
                            sample.operationsPerSecond(),
                            sample.megabytesPerSecond(),
                            sample.p50Micros(),
                            sample.p99Micros(),
                            sample.cpuSecondsPerGib());
                }
            }
        }
    }

    private String report(OffsetDateTime begun, double loadBefore, Client client, Results results)
            throws IOException, InterruptedException {
        StringBuilder text = new StringBuilder();
        text.append("## ")
                .append(begun)
                .append(", commit ")
                .append(Machine.commit(root, errors))
                .append("\n\n");
        if (!options.note().isEmpty()) {
            text.append(options.note()).append("\n\n");
        }
        text.append("%s, Linux %s, JDK %s; %s; %s; %s; %s. Load average before: %.2f.%n"
                .formatted(
                        Machine.cpu(),
                        Machine.kernel(),
                        System.getProperty("java.vm.version"),
                        Machine.version("fio", errors),
                        Machine.version("nbdkit", errors),
                        Machine.version("qemu-nbd", errors),
                        Machine.version("nbdcopy", errors),
                        loadBefore));
        text.append("%d interleaved rounds of %.0f s after one of %.0f s that is not counted; %d MiB on tmpfs each. "
                .formatted(options.rounds(), options.seconds(), options.warmSeconds(), options.sizeBytes() >> 20));
        text.append("Cells are medians (least..most).\n\n");
        text.append(new Table(plans, workloads, results).markdown());
        text.append("\nCommands, with D for the directory:\n\n```\n");
        for (ServerPlan plan : plans) {
            plan.preparations().forEach(words -> text.append(command(words)));
            text.append(command(plan.command()));
        }
        for (Workload workload : workloads) {
            switch (workload) {
                case Workload.Fio fio -> text.append(command(client.fioWords(fio, "URI", options.seconds())));
                case Workload.Nbdcopy copy -> text.append(command(client.nbdcopyWords(copy.writes(), "URI")));
                case Workload.Lean lean ->
                    text.append("# ").append(lean.title()).append(": LeanConnection\n");
            }
        }
        return text.append("```\n").toString();
    }

    private String command(List<String> words) {
        return String.join(" ", words)
                        .replace(directory.toString(), "D")
                        .replace(System.getProperty("java.class.path"), "CLASSES")
                        .replace(root.toString(), ".")
                + "\n";
    }

    private static void remove(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
