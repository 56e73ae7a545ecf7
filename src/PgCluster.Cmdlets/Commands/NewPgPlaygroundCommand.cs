using System.Collections;
using System.Management.Automation;
using PgCluster.Cmdlets;
using PgCluster.Playground;

namespace PgCluster.Commands;

/// <summary><c>New-PgPlayground</c>: a whole cluster on this machine.</summary>
[Cmdlet(VerbsCommon.New, "PgPlayground", SupportsShouldProcess = true)]
[OutputType(typeof(PlaygroundInfo))]
public sealed class NewPgPlaygroundCommand : PlaygroundCmdlet
{
    /// <summary>Its name, and its cluster's.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "playground";

    /// <summary>What holds the cluster together: Native, or Pacemaker.</summary>
    [Parameter]
    public ClusterManager Manager { get; set; }

    /// <summary>PostgreSQL servers.</summary>
    [Parameter]
    [ValidateRange(1, 9)]
    public int Nodes { get; set; } = 3;

    /// <summary>Members of etcd: 1, 3 or 5; 1 when not given, with Pacemaker 3.</summary>
    [Parameter]
    [ValidateSet("1", "3", "5")]
    public int? EtcdMembers { get; set; }

    /// <summary>Let no commit wait for a standby.</summary>
    [Parameter]
    public SwitchParameter Asynchronous { get; set; }

    /// <summary>Options of its configuration by path, as in the file: @{ 'leader.ttl' = '3s' }.</summary>
    [Parameter]
    public Hashtable? Setting { get; set; }

    /// <summary>Seconds until everything has to answer; 60 when not given, with Pacemaker 240.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int? TimeoutSec { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var manager = OpenManager();
        var options = new PlaygroundOptions
        {
            Name = Name,
            Manager = Manager,
            Nodes = Nodes,
            EtcdMembers = EtcdMembers,
            Synchronous = !Asynchronous,
            Settings = OptionTable.Read(Setting),
            AgentExecutable = ModuleFiles.Agent,
            ReadyTimeout = TimeoutSec is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
        var hosts = Manager == ClusterManager.Pacemaker ? $"{Nodes + 1} hosts with Pacemaker, " : "";
        var change = $"Make playground '{Name}' below {manager.BaseDirectory}: {hosts}{Nodes} PostgreSQL servers, {options.EtcdMemberCount} etcd, {Nodes + 1} PgBouncer and their agents";
        if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "New-PgPlayground")).Yes)
        {
            return;
        }

        var playground = await manager.CreateAsync(
            options,
            new Steps(pipeline, $"Making playground '{Name}'"),
            cancellationToken);
        Seen.RememberPlayground(playground.Name);
        await pipeline.WriteAsync(playground);
    }
}
