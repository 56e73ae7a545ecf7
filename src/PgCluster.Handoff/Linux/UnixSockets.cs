using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace PgCluster.Handoff.Linux;

/// <summary>Sockets that are bound to a path.</summary>
internal static class UnixSockets
{
    // struct sockaddr_un: two bytes for the family, 108 for the path and its end.
    private const int PathOffset = 2;
    private const int LongestPath = 107;

    /// <summary>
    /// Listens on a path. The path outlives the socket: .NET's own way would delete it when the process that bound it lets go of the socket, while
    /// its successor still listens there.
    /// </summary>
    /// <param name="path">The path; nothing may be there.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <exception cref="HandoffException">System: the path is too long or in use, or its directory is not there.</exception>
    public static unsafe Socket Listen(string path, int backlog)
    {
        ThrowIfTooLong(path);
        var address = new byte[PathOffset + Encoding.UTF8.GetByteCount(path) + 1];
        MemoryMarshal.Write(address, (ushort)Native.UnixFamily);
        Encoding.UTF8.GetBytes(path, address.AsSpan(PathOffset));
        using var bound = new DescriptorHandle(Native.OpenSocket(Native.UnixFamily, Native.StreamCloseOnExec, 0));
        if (bound.IsInvalid)
        {
            throw Native.LastError("Cannot open a Unix socket");
        }

        fixed (byte* start = address)
        {
            if (Native.Bind(bound, start, address.Length) < 0)
            {
                throw Native.LastError($"Cannot bind a socket to '{path}'");
            }
        }

        if (Native.Listen(bound, backlog) < 0)
        {
            throw Native.LastError($"Cannot listen on '{path}'");
        }

        return bound.ToSocket();
    }

    /// <summary>Connects to whoever listens on a path; null when nobody does.</summary>
    /// <exception cref="HandoffException">System: the path cannot be connected to, for another reason.</exception>
    public static async Task<Socket?> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        ThrowIfTooLong(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused || !File.Exists(path))
        {
            socket.Dispose();
            return null;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new HandoffException(HandoffError.System, $"Cannot connect to '{path}': {e.Message}.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>True for a socket that nobody listens on any more, as a process leaves behind that was killed. False for anything else.</summary>
    public static bool IsStale(string path)
    {
        if (!Native.IsSocket(path) || Encoding.UTF8.GetByteCount(path) > LongestPath)
        {
            return false;
        }

        // Without blocking: a living process that is too busy to answer says so, and a dead one refuses.
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private static void ThrowIfTooLong(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > LongestPath)
        {
            throw new HandoffException(HandoffError.System, $"'{path}' is too long for a Unix socket, which takes at most {LongestPath} bytes: choose a shorter directory.");
        }
    }
}
