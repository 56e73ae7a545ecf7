using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Test-PgCluster</c>: whether the cluster is sound, and with -Detailed every check. Changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PgCluster")]
[OutputType(typeof(bool), typeof(PreflightCheck))]
public sealed class TestPgClusterCommand : ClusterCmdlet
{
    /// <summary>Return every check instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var checks = await Cluster.CheckAsync(cancellationToken);
        if (Detailed)
        {
            foreach (var check in checks)
            {
                await pipeline.WriteAsync(check);
            }

            return;
        }

        foreach (var check in checks.Where(c => c.Status != CheckStatus.Passed))
        {
            pipeline.Verbose($"{check.Status}: {check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }

        await pipeline.WriteAsync(ClusterConnection.IsSound(checks));
    }
}
