using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PgCluster.Handoff.Linux;

namespace PgCluster.Handoff;

/// <summary>
/// The listeners, connections and files that go from process to process, each under an id. Asking for one gives what the process before had under that
/// id, or makes it where there was none. Whoever asks gets a copy of their own: closing it leaves the store's.
/// </summary>
/// <remarks>
/// Use asynchronous accepts only, and dispose a listener when the last of them has ended: .NET disconnects a socket that is disposed while a call is in it,
/// and that ends the listener of all processes.
/// </remarks>
public sealed class DescriptorStore
{
    private const int DefaultBacklog = 512;

    internal DescriptorStore(DescriptorTable table) => Table = table;

    /// <summary>What is registered, in the order of its ids.</summary>
    public IReadOnlyList<DescriptorInfo> Items => [.. Table.Entries.Select(entry => entry.Info)];

    internal DescriptorTable Table { get; }

    /// <summary>
    /// The listener under an id: the inherited one, wherever it listens, or a new one. A Unix socket's path stays when its listener is closed; a path that
    /// a dead process left behind is replaced.
    /// </summary>
    /// <param name="id">What it is called; different addresses need different ids.</param>
    /// <param name="endPoint">Where a new one listens: an IP address or a Unix socket's path.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <returns>A listening socket of the caller's own.</returns>
    /// <exception cref="HandoffException">UpgradeInProgress, UpgradeCompleted, Stopped: no new one can be had now. WrongKind. System: it cannot listen there.</exception>
    public Socket Listen(string id, EndPoint endPoint, int backlog = DefaultBacklog)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return Listen(id, () => endPoint is UnixDomainSocketEndPoint path ? ListenOnPath(Path.GetFullPath(path.ToString()), backlog) : ListenOnAddress(endPoint, backlog));
    }

    /// <summary>The same with a listener made by the caller. .NET deletes the path of a Unix socket that it has bound itself: use the other form for these.</summary>
    /// <param name="id">What it is called.</param>
    /// <param name="create">Makes a socket that listens. It has to be quick: a successor that asks meanwhile has to wait.</param>
    /// <inheritdoc cref="Listen(string, EndPoint, int)"/>
    public Socket Listen(string id, Func<Socket> create) => GetOrAdd(id, DescriptorKind.Listener, create);

    /// <summary>The listener under an id, as a socket of the caller's own; null when there is none.</summary>
    /// <param name="id">What it is called.</param>
    /// <exception cref="HandoffException">WrongKind.</exception>
    public Socket? FindListener(string id) => Table.Get(id, DescriptorKind.Listener, ToSocket);

    /// <summary>The connection under an id: the inherited one, or a new one.</summary>
    /// <param name="id">What it is called.</param>
    /// <param name="connect">Makes a connected socket. It has to be quick: a successor that asks meanwhile has to wait.</param>
    /// <returns>A connected socket of the caller's own.</returns>
    /// <exception cref="HandoffException">UpgradeInProgress, UpgradeCompleted, Stopped: no new one can be had now. WrongKind.</exception>
    public Socket Connect(string id, Func<Socket> connect) => GetOrAdd(id, DescriptorKind.Connection, connect);

    /// <summary>The connection under an id, as a socket of the caller's own; null when there is none.</summary>
    /// <param name="id">What it is called.</param>
    /// <exception cref="HandoffException">WrongKind.</exception>
    public Socket? FindConnection(string id) => Table.Get(id, DescriptorKind.Connection, ToSocket);

    /// <summary>The file, pipe or device under an id: the inherited one, or a new one.</summary>
    /// <param name="id">What it is called.</param>
    /// <param name="open">Opens it. It has to be quick: a successor that asks meanwhile has to wait.</param>
    /// <returns>A handle of the caller's own. It shares its position in the file with every other copy.</returns>
    /// <exception cref="HandoffException">UpgradeInProgress, UpgradeCompleted, Stopped: no new one can be had now. WrongKind.</exception>
    public SafeFileHandle Open(string id, Func<SafeFileHandle> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        return Table.GetOrAdd(id, DescriptorKind.File, ToFile, () =>
        {
            var file = open();
            return ("", CopyFor(file, file), file);
        });
    }

    /// <summary>The file, pipe or device under an id, as a handle of the caller's own; null when there is none.</summary>
    /// <param name="id">What it is called.</param>
    /// <exception cref="HandoffException">WrongKind.</exception>
    public SafeFileHandle? FindFile(string id) => Table.Get(id, DescriptorKind.File, ToFile);

    /// <summary>Forgets an id and closes the store's copy; those that were handed out stay.</summary>
    /// <param name="id">What it is called.</param>
    /// <param name="deletePath">True to delete the path that a Unix listener listens on.</param>
    /// <exception cref="HandoffException">NotFound. UpgradeInProgress: not while a successor takes over.</exception>
    public void Remove(string id, bool deletePath = false)
    {
        ArgumentNullException.ThrowIfNull(id);
        var removed = Table.Remove(id);
        if (deletePath && removed.Kind == DescriptorKind.Listener && Native.IsSocket(removed.Address))
        {
            File.Delete(removed.Address);
        }
    }

    private static Socket ToSocket(SafeHandle copy) => ((DescriptorHandle)copy).ToSocket();

    private static SafeFileHandle ToFile(SafeHandle copy) => ((DescriptorHandle)copy).ToFile();

    private static DescriptorHandle CopyFor(IDisposable made, SafeHandle handle)
    {
        try
        {
            return DescriptorHandle.DuplicateOf(handle);
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private static Socket ListenOnPath(string path, int backlog)
    {
        if (UnixSockets.IsStale(path))
        {
            File.Delete(path);
        }

        return UnixSockets.Listen(path, backlog);
    }

    private static Socket ListenOnAddress(EndPoint endPoint, int backlog)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint is IPEndPoint ip && ip.Address.Equals(IPAddress.IPv6Any))
            {
                // All addresses, as elsewhere in .NET.
                socket.DualMode = true;
            }

            socket.Bind(endPoint);
            socket.Listen(backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new HandoffException(HandoffError.System, $"Cannot listen on {endPoint}: {e.Message}.", e);
        }
    }

    private Socket GetOrAdd(string id, DescriptorKind kind, Func<Socket> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Table.GetOrAdd(id, kind, ToSocket, () =>
        {
            var socket = create();
            var address = (kind == DescriptorKind.Listener ? socket.LocalEndPoint : socket.RemoteEndPoint)?.ToString() ?? "";
            return (address, CopyFor(socket, socket.SafeHandle), socket);
        });
    }
}
