using System.Management.Automation;
using PgCluster.Cmdlets;
using PgCluster.Engine.Configuration;

namespace PgCluster.Commands;

/// <summary><c>Add-PgClusterNode</c>: makes a host a standby of the cluster. Its agent makes the copy by itself.</summary>
[Cmdlet(VerbsCommon.Add, "PgClusterNode", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class AddPgClusterNodeCommand : MembershipCmdlet
{
    /// <summary>The node's name.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>Host of its PostgreSQL, as the other nodes and the poolers reach it.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    [Alias("Host")]
    public string HostName { get; set; } = "";

    /// <summary>TCP port of its PostgreSQL.</summary>
    [Parameter]
    public int Port { get; set; } = 5432;

    /// <summary>PostgreSQL's data directory on the node: missing or empty, or of this very cluster.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string DataDirectory { get; set; } = "";

    /// <summary>Where its agent serves the agent API: host:port; else port 8432 of its host.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Agent { get; set; }

    /// <summary>Where its agent serves health and metrics: host:port; else port 8433 of its host.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Http { get; set; }

    /// <summary>File that takes the server's output; else one beside the data directory.</summary>
    [Parameter]
    [ValidateNotNull]
    public string LogFile { get; set; } = "";

    /// <summary>Rack, zone or site.</summary>
    [Parameter]
    [ValidateNotNull]
    public string FailureDomain { get; set; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    [Parameter]
    public int Weight { get; set; }

    /// <summary>The node must never be promoted.</summary>
    [Parameter]
    public SwitchParameter NoFailover { get; set; }

    /// <summary>Return as soon as the other agents know the node, before it streams.</summary>
    [Parameter]
    public SwitchParameter NoWait { get; set; }

    /// <summary>Seconds the node may take until it streams.</summary>
    [Parameter]
    [ValidateRange(1, 604800)]
    public double TimeoutSec { get; set; } = 3600;

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new AddNodeRequest
        {
            Name = Name,
            Host = HostName,
            Port = Port,
            DataDirectory = DataDirectory,
            Agent = Agent ?? Address(NodeConfig.UsualAgentPort),
            Http = Http ?? Address(NodeConfig.UsualHttpPort),
            LogFile = LogFile,
            FailureDomain = FailureDomain,
            Weight = Weight,
            NoFailover = NoFailover,
            Wait = !NoWait,
            Timeout = TimeSpan.FromSeconds(TimeoutSec),
            Why = Reason,
            Actor = Caller.Name,
        };
        var plan = await Cluster.PlanAddNodeAsync(request, cancellationToken);
        await RunAsync(
            pipeline, plan, $"Add {Name} to cluster '{plan.Cluster}'", progress => Cluster.RunAddNodeAsync(plan, request, progress, cancellationToken), cancellationToken);
    }

    private string Address(int port) => HostName.Contains(':', StringComparison.Ordinal) ? $"[{HostName}]:{port}" : $"{HostName}:{port}";
}
