package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoStatus;
import redoubt.testkit.Asker;

/** TCP: for this machine only, over both kinds of IP, and without waiting for more bytes to fill a packet. */
class TcpTest {

    private static final NbdClientOptions OPTIONS = NbdClientOptions.DEFAULTS.withOwnServerToo(true);

    private final MemoryExport device = new MemoryExport(1 << 20);

    private static InetAddress ofThisMachine(String address) throws IOException {
        InetAddress found = InetAddress.getByName(address);
        try (ServerSocketChannel probe = ServerSocketChannel.open()) {
            probe.bind(new InetSocketAddress(found, 0));
        } catch (IOException absent) {
            assumeTrue(false, "this machine has no " + address);
        }
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1", "127.0.0.9"})
    void anAddressOfThisMachineIsServed(String address) throws Exception {
        InetAddress own = ofThisMachine(address);
        try (ServedDevice served = new ServedDevice(device)) {
            InetSocketAddress bound = served.server.listenTcp(new InetSocketAddress(own, 0));
            String shown = address.contains(":") ? "[" + own.getHostAddress() + "]" : address;
            String uri = "nbd://" + shown + ":" + bound.getPort();
            assertThat(served.server.addresses()).contains(uri);
            try (NbdClient client = NbdClient.open(NbdUri.parse(uri + "/first"), OPTIONS);
                    Asker asker = new Asker(client)) {
                byte[] data = FakeServer.content(3, 8192);
                assertThat(asker.write(4096, data)).isEqualTo(IoStatus.OK);
                assertThat(asker.read(4096, 8192)).isEqualTo(data);
            }
            // A member that is served by this very process is found out by its address, too.
            assertThatThrownBy(() -> NbdClient.open(NbdUri.parse(uri + "/first"), NbdClientOptions.DEFAULTS))
                    .hasMessageContaining("served by this very process");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "fe80::1"})
    void anAddressThatOthersReachIsRefusedInWords(String address) throws IOException {
        InetSocketAddress other = new InetSocketAddress(InetAddress.getByName(address), 0);
        try (ServedDevice served = new ServedDevice(device)) {
            assertThatThrownBy(() -> served.server.listenTcp(other))
                    .hasMessageContaining("would let other machines in without encryption")
                    .hasMessageContaining("listen on 127.0.0.1, [::1] or a Unix socket");
            assertThat(served.server.addresses()).hasSize(1);
        }
    }

    @Test
    void aNameThatHasNoAddressIsRefusedInWords() throws IOException {
        InetSocketAddress nowhere = InetSocketAddress.createUnresolved("nowhere.invalid", 0);
        try (ServedDevice served = new ServedDevice(device)) {
            assertThatThrownBy(() -> served.server.listenTcp(nowhere)).hasMessageContaining("no address for the host");
        }
    }

    @Test
    void aPortThatIsTakenIsRefusedAndTheServerGoesOn() throws Exception {
        InetAddress own = ofThisMachine("127.0.0.1");
        try (ServedDevice served = new ServedDevice(device)) {
            InetSocketAddress bound = served.server.listenTcp(new InetSocketAddress(own, 0));
            assertThatThrownBy(() -> served.server.listenTcp(bound)).isInstanceOf(IOException.class);
            try (NbdClient client = NbdClient.open(NbdUri.parse("nbd://127.0.0.1:" + bound.getPort()), OPTIONS)) {
                assertThat(client.limits().sizeBytes()).isEqualTo(1 << 20);
            }
        }
    }

    /** Goal: no packet waits for the next one. Method: the sockets of both sides are asked, as they are prepared. */
    @Test
    void bothSidesSendAtOnce() throws IOException {
        InetAddress own = ofThisMachine("127.0.0.1");
        try (ServerSocketChannel socket = ServerSocketChannel.open()) {
            socket.bind(new InetSocketAddress(own, 0));
            try (SocketChannel client = SocketChannel.open(socket.getLocalAddress());
                    SocketChannel accepted = socket.accept()) {
                new Listener(socket, null).prepare(accepted);
                assertThat(accepted.getOption(StandardSocketOptions.TCP_NODELAY))
                        .isTrue();
                int port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
                NbdClient.Address.of(new NbdUri("127.0.0.1", port, null, "")).prepare(client);
                assertThat(client.getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
            }
        }
    }
}
