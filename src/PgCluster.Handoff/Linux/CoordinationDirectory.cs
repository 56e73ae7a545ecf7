using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace PgCluster.Handoff.Linux;

/// <summary>
/// Where processes that follow one another find each other: <c>lock</c>, held by the one that takes over; <c>owner</c>, the id of the one that owns;
/// <c>ID.sock</c>, on which each takes requests. Sockets are made under the lock only, and those of the dead removed, so nobody removes what another has just made.
/// </summary>
internal sealed class CoordinationDirectory(HandoffOptions options)
{
    /// <summary>The most characters of an id.</summary>
    public const int LongestId = 64;

    private const string SocketSuffix = ".sock";

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(100);

    private readonly ILogger _logger = options.Logger;
    private readonly string _path = Path.GetFullPath(options.Directory);

    private string LockPath => Path.Combine(_path, "lock");

    private string OwnerPath => Path.Combine(_path, "owner");

    /// <summary>True for what can be part of a file's name without leading anywhere else.</summary>
    public static bool IsValidId(string id) =>
        id.Length is > 0 and <= LongestId && char.IsAsciiLetterOrDigit(id[0])
        && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <summary>Waits until this process has the lock.</summary>
    /// <exception cref="OperationCanceledException">Before it was its turn.</exception>
    /// <exception cref="HandoffException">DirectoryUnusable.</exception>
    public async Task<DirectoryLock> LockAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_path))
        {
            throw new HandoffException(HandoffError.DirectoryUnusable, $"The coordination directory '{_path}' is not there: make it, writable by this user only.");
        }

        for (var isFirst = true; ; isFirst = false)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryLock() is { } taken)
            {
                return taken;
            }

            if (isFirst)
            {
                HandoffLog.LockHeld(_logger, LockPath);
            }

            await Task.Delay(LockInterval, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the lock when nobody has it; null when somebody does.</summary>
    public DirectoryLock? TryLock() => DirectoryLock.TryTake(LockPath);

    /// <summary>Removes the sockets that dead processes left behind. Only under the lock: between bind and listen a living one's looks the same.</summary>
    public void Sweep() => Guard(() =>
    {
        foreach (var socket in Directory.EnumerateFiles(_path, "*" + SocketSuffix).Where(UnixSockets.IsStale))
        {
            File.Delete(socket);
            HandoffLog.StaleSocketRemoved(_logger, socket);
        }
    });

    /// <summary>Listens on this process's own socket. Only under the lock, after <see cref="Sweep"/>.</summary>
    /// <exception cref="HandoffException">IdInUse: a living process listens there.</exception>
    public Socket Bind()
    {
        var path = SocketPath(options.Id);
        if (File.Exists(path))
        {
            throw new HandoffException(HandoffError.IdInUse, $"A living process has the id '{options.Id}' in '{_path}': give this one another.");
        }

        var socket = UnixSockets.Listen(path, backlog: 16);
        try
        {
            Guard(() => KeepOthersOut(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Removes this process's own socket. While it still listens: as long as it does, nobody else has this id, and what is removed is not another's.
    /// </summary>
    public void Unbind() => Guard(() => File.Delete(SocketPath(options.Id)));

    /// <summary>Connects to a process's socket; null when there is no such process any more.</summary>
    public Task<Socket?> ConnectAsync(string id, CancellationToken cancellationToken) => UnixSockets.ConnectAsync(SocketPath(id), cancellationToken);

    /// <summary>Id of the owner; null when there is none.</summary>
    /// <exception cref="HandoffException">DirectoryUnusable: the file cannot be read, or holds something else.</exception>
    public string? ReadOwner()
    {
        var owner = "";
        Guard(() => owner = File.Exists(OwnerPath) ? File.ReadAllText(OwnerPath).Trim() : "");
        if (owner.Length == 0)
        {
            return null;
        }

        // Guessing that nobody owns could make a second owner.
        return IsValidId(owner)
            ? owner
            : throw new HandoffException(HandoffError.DirectoryUnusable, $"'{OwnerPath}' does not hold an id: remove it when no process of this daemon runs.");
    }

    /// <summary>Writes who owns, whole or not at all. Only under the lock.</summary>
    /// <param name="id">The owner; null for nobody.</param>
    public void WriteOwner(string? id) => Guard(() =>
    {
        var next = OwnerPath + ".new";
        File.WriteAllText(next, id is null ? "" : id + "\n");
        File.Move(next, OwnerPath, overwrite: true);
    });

    private string SocketPath(string id) => Path.Combine(_path, id + SocketSuffix);

    // Who comes is looked at as well: this only spares others the try.
    private static void KeepOthersOut(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private void Guard(Action touch)
    {
        try
        {
            touch();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HandoffException(HandoffError.DirectoryUnusable, $"The coordination directory '{_path}' cannot be used: {e.Message}", e);
        }
    }
}
