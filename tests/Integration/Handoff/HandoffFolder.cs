using PgCluster.Handoff;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>A coordination directory, and whoever meets there.</summary>
internal sealed class HandoffFolder : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _members = [];
    private readonly string _root = Directory.CreateTempSubdirectory("pgcluster-handoff-").FullName;

    public HandoffFolder() => DirectoryPath = Directory.CreateDirectory(Path.Combine(_root, "run")).FullName;

    public string DirectoryPath { get; }

    public string OwnerFile => Path.Combine(DirectoryPath, "owner");

    /// <summary>Id of the owner on record; empty for none.</summary>
    public string Owner => File.Exists(OwnerFile) ? File.ReadAllText(OwnerFile).Trim() : "";

    /// <summary>A path beside the directory.</summary>
    public string PathOf(string name) => Path.Combine(_root, name);

    public string SocketOf(string id) => Path.Combine(DirectoryPath, id + ".sock");

    /// <summary>A daemon, just started.</summary>
    public DaemonProcess Daemon(string id, params string[] arguments)
    {
        var daemon = DaemonProcess.Start(["--dir", DirectoryPath, "--id", id, .. arguments]);
        _members.Add(daemon);
        return daemon;
    }

    /// <summary>A daemon that has become the owner.</summary>
    public async Task<DaemonProcess> OwnerAsync(string id, params string[] arguments)
    {
        var daemon = Daemon(id, [.. arguments, "--ready"]);
        await daemon.SaysAsync("ready");
        return daemon;
    }

    /// <summary>A part of this process's own: started, not ready.</summary>
    public Task<ProcessHandoff> PartAsync(string id, TimeProvider? time = null) => PartAsync(Options(id) with { TimeProvider = time ?? TimeProvider.System });

    /// <inheritdoc cref="PartAsync(string, TimeProvider?)"/>
    public async Task<ProcessHandoff> PartAsync(HandoffOptions options)
    {
        var part = await ProcessHandoff.StartAsync(options, TestContext.Current.CancellationToken);
        _members.Add(part);
        return part;
    }

    public HandoffOptions Options(string id) => new() { Directory = DirectoryPath, Id = id };

    public async ValueTask DisposeAsync()
    {
        foreach (var member in Enumerable.Reverse(_members))
        {
            await member.DisposeAsync();
        }

        Directory.Delete(_root, recursive: true);
    }
}
