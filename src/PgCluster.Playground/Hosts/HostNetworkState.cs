using System.Text.Json;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>What hosts.json holds: enough to take a set of hosts away after whoever made it is gone.</summary>
internal sealed record HostNetworkState
{
    internal const string FileName = "hosts.json";

    /// <summary>Marks its processes, in their environment.</summary>
    public required string Id { get; init; }

    /// <summary>The set's name.</summary>
    public required string Name { get; init; }

    /// <summary>The boot its pids are of.</summary>
    public required string BootId { get; init; }

    /// <summary>Who made it and takes it away; null when it is to stay.</summary>
    public HostProcess? Owner { get; init; }

    /// <summary>The process that holds the network and the disks; null until it runs.</summary>
    public HostProcess? Hub { get; init; }

    /// <summary>True once this machine is connected to the network.</summary>
    public bool IsConnected { get; init; }

    /// <summary>The first process of every host that is on.</summary>
    public IReadOnlyList<HostProcess> Inits { get; init; } = [];

    internal bool IsOfThisBoot => BootId == Playground.BootId.Current;

    internal static HostNetworkState? TryRead(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(directory, FileName)), PlaygroundJson.Default.HostNetworkState);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    internal void Save(string directory) => DurableFile.Write(
        Path.Combine(directory, FileName), JsonSerializer.Serialize(this, PlaygroundJson.Default.HostNetworkState) + "\n",
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

    /// <summary>A process, told apart from a later one with the same number by when it started.</summary>
    internal sealed record HostProcess(string Name, int Pid, long StartTicks)
    {
        internal ProcessIdentity Identity => new(Pid, StartTicks);

        internal static HostProcess Of(string name, ProcessIdentity process) => new(name, process.Pid, process.StartTicks);
    }
}
