using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary>The directory below which playgrounds are, and the user they run under.</summary>
internal sealed class BaseDirectory
{
    private const UnixFileMode Shared =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(60);

    private readonly TimeProvider _time;

    internal BaseDirectory(string? path, TimeProvider time)
    {
        _time = time;
        Root = Path.GetFullPath(path ?? DefaultPath());
    }

    internal string Root { get; }

    /// <summary>Who to run as: the user postgres when this process is root, null for the user it is already.</summary>
    internal OsAccount? Account { get; } = !OsAccount.IsRoot
        ? null
        : OsAccount.Find("postgres") ?? throw new PgClusterException(
            Reason.MissingProgram,
            "The user 'postgres' is missing, and PostgreSQL does not run as root; on Debian and Ubuntu the package 'postgresql-common' makes it.")
        {
            Target = "postgres",
        };

    internal uint UserId => Account?.UserId ?? OsAccount.CurrentUserId;

    internal IEnumerable<string> Playgrounds() => !Directory.Exists(Root)
        ? []
        : Directory.EnumerateDirectories(Root).Where(directory => PlaygroundName.IsValid(Path.GetFileName(directory))).Order(StringComparer.Ordinal);

    /// <summary>Makes the directory when it is missing.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.AccessDenied"/> when it is somebody else's.</exception>
    internal void Prepare()
    {
        if (!Directory.Exists(Root))
        {
            Make(Root);
        }

        // Its place may be one where anybody can make directories.
        if (OsAccount.OwnerOf(Root) is var owner && owner != UserId)
        {
            throw new PgClusterException(
                Reason.AccessDenied, $"'{Root}' belongs to user {owner}, not to user {UserId}: give another base directory.")
            {
                Target = Root,
            };
        }
    }

    /// <summary>Makes a directory that belongs to whoever the playground runs under.</summary>
    internal void Make(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path, Shared);
            Account?.Own(path);
        }
    }

    /// <summary>Takes a lock that other processes see too; it goes with its holder.</summary>
    internal async Task<IDisposable> LockAsync(string name, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Root, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (_time.GetElapsedTime(began) < LockTimeout)
            {
                await Task.Delay(LockPoll, _time, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                throw new PgClusterException(
                    Reason.PlaygroundFailed, $"Waited {LockTimeout.TotalSeconds} s for the lock '{Path.Combine(Root, name)}': another playground is being made.", e);
            }
        }
    }

    private static string DefaultPath()
    {
        var parent = Directory.Exists("/var/tmp") ? "/var/tmp" : Path.GetTempPath();
        return Path.Combine(parent, "pgcluster-playground" + (!OperatingSystem.IsLinux() || OsAccount.IsRoot ? "" : $"-{OsAccount.CurrentUserId}"));
    }
}
