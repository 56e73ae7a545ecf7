using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Playground;

namespace PgCluster.Tests.Integration.Playground;

/// <summary>A base directory for a class of tests, with one template as a user has it, and proof that nothing of a playground is left.</summary>
public sealed class PlaygroundLab : IAsyncDisposable
{
    // A postmaster that was killed elsewhere leaves a segment that names its pid, and that number may come round again.
    private readonly HashSet<string> _olderSegments = [.. SharedMemorySegments().Select(segment => segment[1])];

    public PlaygroundLab()
    {
        Base = Directory.CreateTempSubdirectory("pgc-play-").FullName;
        (OsAccount.IsRoot ? OsAccount.Find("postgres") : null)?.Own(Base);
    }

    internal string Base { get; }

    internal List<string> Names { get; } = [];

    internal PlaygroundManager Manager(
        Func<PlaygroundOptions, IPlaygroundLauncher>? makeLauncher = null, Func<PlaygroundPrograms>? findPrograms = null, TimeProvider? time = null) =>
        new(Base, time ?? TimeProvider.System, makeLauncher ?? (_ => new DirectLauncher()), findPrograms ?? (() => PlaygroundPrograms.Find()));

    internal string NewName()
    {
        var name = "t" + Guid.NewGuid().ToString("N")[..8];
        Names.Add(name);
        return name;
    }

    /// <summary>Every process of a playground that runs now, backends included.</summary>
    internal static List<ProcessIdentity> Everything(PlaygroundInfo info) =>
    [
        .. info.Processes.Where(process => process.Pid > 0).Select(process => ProcessIdentity.Find(process.Pid)).OfType<ProcessIdentity>(),
        .. info.Servers.SelectMany(server => DataDirectoryProcesses.FindAll(server.DataDirectory)),
    ];

    /// <summary>Fails when a file, a process or a piece of shared memory of a playground is there.</summary>
    internal void AssertGone(string name, IEnumerable<int> pids)
    {
        var root = Path.Combine(Base, name);
        Assert.False(Directory.Exists(root), $"{root} is there");
        Assert.Empty(Directory.GetFileSystemEntries(Base, ".new-*"));
        foreach (var pid in ProcessStat.AllPids())
        {
            var commandLine = Read(pid, "cmdline");
            Assert.False(commandLine.Contains(root + "/", StringComparison.Ordinal), $"{pid} runs: {commandLine.Replace('\0', ' ')}");
            Assert.False(Read(pid, "environ").Contains("=" + root + "\0", StringComparison.Ordinal), $"{pid} has {root} in its environment");
            Assert.False(
                ProcessStat.ReadWorkingDirectory(pid)?.StartsWith(root, StringComparison.Ordinal) == true, $"{pid} works in {root}: {commandLine}");
        }

        var numbers = pids.Select(pid => pid.ToString(CultureInfo.InvariantCulture)).ToHashSet();
        Assert.DoesNotContain(SharedMemorySegments(), segment => !_olderSegments.Contains(segment[1]) && numbers.Contains(segment[4]));
    }

    /// <summary>Fields of each: key, id, permissions, size, pid of its creator and more.</summary>
    private static IEnumerable<string[]> SharedMemorySegments() =>
        File.ReadLines("/proc/sysvipc/shm").Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    public async ValueTask DisposeAsync()
    {
        foreach (var name in Names.Where(name => Directory.Exists(Path.Combine(Base, name))))
        {
            await Manager().RemoveAsync(name, null, CancellationToken.None);
        }

        Directory.Delete(Base, recursive: true);
    }

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
