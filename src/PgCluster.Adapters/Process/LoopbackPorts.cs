using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Adapters.Process;

/// <summary>
/// Hands out free TCP ports of 127.0.0.1, none of them twice: neither by this process nor by another one that uses this class at the same time.
/// A port is kept from others until this is disposed, so dispose it when whoever uses the ports listens.
/// </summary>
public sealed class LoopbackPorts : IDisposable
{
    private const int First = 20_000;

    private readonly List<Socket> _reservations = [];

    /// <summary>Takes a free port.</summary>
    /// <param name="avoid">Ports that are spoken for although nobody may listen there just now.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/> when none is free.</exception>
    public int Take(IReadOnlySet<int>? avoid = null)
    {
        // Below the range the kernel takes for outgoing connections: a port of that range may be gone again before anybody listens.
        var end = FirstEphemeralPort() is var ephemeral && ephemeral > First + 1000 ? ephemeral : 32_000;
        var count = end - First;
        var start = Random.Shared.Next(count);
        for (var i = 0; i < count; i++)
        {
            var port = First + ((start + i) % count);
            if (avoid?.Contains(port) != true && TryReserve(port))
            {
                return port;
            }
        }

        throw new PgClusterException(
            Reason.PlaygroundFailed, string.Create(CultureInfo.InvariantCulture, $"No TCP port from {First} to {end - 1} is free on 127.0.0.1."));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var reservation in _reservations)
        {
            reservation.Dispose();
        }

        _reservations.Clear();
    }

    private bool TryReserve(int port)
    {
        // An abstract socket is a name that only one process of this machine can hold, and that goes with the process.
        var reservation = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            reservation.Bind(new UnixDomainSocketEndPoint(string.Create(CultureInfo.InvariantCulture, $"\0pgcluster-port-{port}")));
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
            probe.Listen(1);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            reservation.Dispose();
            return false;
        }

        _reservations.Add(reservation);
        return true;
    }

    private static int FirstEphemeralPort()
    {
        const string File = "/proc/sys/net/ipv4/ip_local_port_range";
        return System.IO.File.Exists(File)
            && int.TryParse(System.IO.File.ReadAllText(File).AsSpan().TrimStart().ToString().Split('\t', ' ')[0], CultureInfo.InvariantCulture, out var port)
            ? port
            : 32_768;
    }
}
