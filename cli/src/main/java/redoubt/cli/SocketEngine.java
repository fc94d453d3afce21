package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import redoubt.block.BlockDevice;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.SocketAttributes;
import redoubt.mdmon.Mdmon;
import redoubt.nbd.NbdClient;
import redoubt.nbd.NbdClientOptions;
import redoubt.nbd.NbdUri;

/**
 * A process that serves, as a daemon reaches it: attributes over the control socket, doors as NBD exports where its own tree says.
 *
 * @param control its control socket
 * @param limitNanos how long an answer may take
 */
record SocketEngine(Path control, long limitNanos) implements Mdmon.Engine {

    @Override
    public Attributes attributes() throws IOException {
        return SocketAttributes.connect(control, limitNanos);
    }

    @Override
    public BlockDevice door(String daemon, int disk) throws IOException {
        return NbdClient.open(uri(daemon, disk), NbdClientOptions.DEFAULTS.withOwnServerToo(true));
    }

    private NbdUri uri(String daemon, int disk) throws IOException {
        try (Attributes attributes = attributes()) {
            String uri = attributes
                    .read("daemons/" + daemon + "/doors")
                    .lines()
                    .skip(disk)
                    .findFirst()
                    .orElse("");
            return NbdUri.parse(uri);
        } catch (AttributeRefused refused) {
            throw new IOException(refused.sentence(), refused);
        } catch (NbdUri.Malformed malformed) {
            throw new IOException("the server does not say where its doors are: " + malformed.getMessage(), malformed);
        }
    }
}
