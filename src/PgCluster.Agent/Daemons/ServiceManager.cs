using System.Globalization;
using System.Net.Sockets;
using System.Text;
using PgCluster.Adapters.PgBouncer;

namespace PgCluster.Agent.Daemons;

/// <summary>
/// systemd, where it waits for this process's word (Type=notify with NotifyAccess=all): it is told which process is at work, so that the unit lives on when another one follows.
/// </summary>
internal static class ServiceManager
{
    /// <summary>The variable that says where it listens.</summary>
    public const string SocketVariable = "NOTIFY_SOCKET";

    /// <summary>Where it listens; null when nobody does.</summary>
    public static string? Socket { get; private set; }

    /// <summary>The unit this process is part of; null when nobody waits for its word.</summary>
    public static string? Unit => Socket is not null && PoolerProcesses.Keeper.Unit is { Length: > 0 } unit ? unit : null;

    /// <summary>Keeps the address to itself: a PostgreSQL that is started from here would tell systemd of its own start and end.</summary>
    public static void Meet()
    {
        if (Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } socket)
        {
            Socket = socket;
            Environment.SetEnvironmentVariable(SocketVariable, null);
        }
    }

    /// <summary>This process is at work, and the unit's main one.</summary>
    public static void TellReady()
    {
        if (Socket is not { } address)
        {
            return;
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"MAINPID={Environment.ProcessId}\nREADY=1")), new UnixDomainSocketEndPoint(address[0] == '@' ? '\0' + address[1..] : address));
        }
        catch (SocketException)
        {
            // It sees that by itself: the unit does not become active.
        }
    }
}
