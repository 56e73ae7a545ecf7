using System.Globalization;
using System.Runtime.InteropServices;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Duplicates of the TCP sockets a postmaster listens on (pidfd_getfd). As long as one is open the kernel accepts connections for a postmaster that is dead: they hang, where a
/// pooler that is refused would refuse its clients. Whoever binds the port must come after its end, which resets what has connected meanwhile. It ends by itself
/// when the server begins to stop, as postmaster.pid says, whoever asked for that: a restart by hand finds the port free. Unix sockets are not held.
/// While its agent is frozen connections to a server that its guard has killed hang, as those to a lost host do.
/// </summary>
internal sealed class ListenerHold : IDisposable
{
    private readonly Lock _looking = new();
    private readonly ProcessIdentity? _postmaster;
    private readonly string _dataDirectory;
    private readonly Action<string> _notHeld;
    private readonly Func<int, int, int> _duplicate;
    private FileSystemWatcher? _changes;
    private List<int>? _descriptors;
    private bool _over;

    private ListenerHold(ProcessIdentity? postmaster, string dataDirectory, Action<string> notHeld, Func<int, int, int> duplicate)
    {
        _postmaster = postmaster;
        _dataDirectory = dataDirectory;
        _notHeld = notHeld;
        _duplicate = duplicate;
    }

    /// <summary>True while anything is held.</summary>
    internal bool IsHeld
    {
        get
        {
            lock (_looking)
            {
                return _descriptors is not null;
            }
        }
    }

    /// <summary>Holds all sockets of a postmaster, or none: at once where it listens already, else as soon as it does. Throws nothing.</summary>
    /// <param name="postmaster">Whose; null when none runs.</param>
    /// <param name="dataDirectory">Where its postmaster.pid is, without links.</param>
    /// <param name="notHeld">Told why nothing is held of a postmaster that runs.</param>
    /// <param name="duplicate">For tests: what takes the place of pidfd_getfd.</param>
    internal static ListenerHold Take(ProcessIdentity? postmaster, string dataDirectory, Action<string> notHeld, Func<int, int, int>? duplicate = null)
    {
        var hold = new ListenerHold(postmaster, dataDirectory, notHeld, duplicate ?? Posix.DuplicateFromPidfd);
        if (postmaster is null)
        {
            return hold;
        }

        hold.Try(() => hold._changes = hold.Watch());

        // After the watch has begun: nothing that changes goes unseen.
        hold.Look();
        return hold;
    }

    /// <summary>The inodes of the sockets that listen, of the text of /proc/PID/net/tcp or tcp6.</summary>
    internal static IEnumerable<string> Listening(string table) => table.Split('\n').Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => fields is [_, _, _, "0A", _, _, _, _, _, _, ..])
        .Select(fields => fields[9]);

    /// <summary>Closes them.</summary>
    public void Dispose()
    {
        End();
        _changes?.Dispose();
    }

    private static List<int> Duplicate(ProcessIdentity process, Func<int, int, int> duplicate)
    {
        var descriptors = new List<int>();
        var pidfd = Posix.OpenPidfd(process.Pid);
        if (pidfd < 0)
        {
            throw new IOException($"pidfd_open: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        try
        {
            foreach (var socket in process.IsRunning ? FindSockets(process.Pid) : [])
            {
                var descriptor = duplicate(pidfd, socket);
                if (descriptor < 0)
                {
                    throw new IOException($"pidfd_getfd: {Marshal.GetLastPInvokeErrorMessage()}");
                }

                descriptors.Add(descriptor);
            }

            return descriptors;
        }
        catch
        {
            descriptors.ForEach(Close);
            throw;
        }
        finally
        {
            Close(pidfd);
        }
    }

    private static IEnumerable<int> FindSockets(int pid)
    {
        var process = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        string[] tables = [Path.Combine(process, "net", "tcp"), Path.Combine(process, "net", "tcp6")];
        var listening = tables.Where(File.Exists).SelectMany(table => Listening(File.ReadAllText(table))).Select(inode => $"socket:[{inode}]").ToHashSet(StringComparer.Ordinal);
        return [.. new DirectoryInfo(Path.Combine(process, "fd")).EnumerateFileSystemInfos()
            .Where(descriptor => descriptor.LinkTarget is { } target && listening.Contains(target))
            .Select(descriptor => int.Parse(descriptor.Name, CultureInfo.InvariantCulture))];
    }

    private static void Close(int descriptor) => _ = Posix.Close(descriptor);

    private FileSystemWatcher Watch()
    {
        var watcher = new FileSystemWatcher(_dataDirectory, PostmasterFile.FileName) { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName };
        watcher.Changed += (_, _) => Look();
        watcher.Deleted += (_, _) => Look();

        // Too much went on to be told of.
        watcher.Error += (_, _) => Look();
        watcher.EnableRaisingEvents = true;
        return watcher;
    }

    /// <summary>
    /// A postmaster that is killed leaves its file as it is. One that has just started finds the file of the one before, or none; then its own, with no status before it listens.
    /// </summary>
    private void Look()
    {
        lock (_looking)
        {
            if (_over || _postmaster is not { } process)
            {
                return;
            }

            var file = PostmasterFile.Read(_dataDirectory);
            var isIts = file?.Pid == process.Pid;
            if ((isIts && file!.Status == "stopping") || (!isIts && (_descriptors is not null || !process.IsRunning)))
            {
                End();
            }
            else if (isIts && _descriptors is null && file!.Status.Length > 0)
            {
                Try(() => _descriptors = Duplicate(process, _duplicate));
            }
        }
    }

    private void Try(Action part)
    {
        try
        {
            part();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            End();

            // One that died meanwhile is no obstacle for the next.
            if (_postmaster is { IsRunning: true })
            {
                _notHeld(e.Message);
            }
        }
    }

    private void End()
    {
        lock (_looking)
        {
            _over = true;
            _descriptors?.ForEach(Close);
            _descriptors = null;
        }
    }
}
