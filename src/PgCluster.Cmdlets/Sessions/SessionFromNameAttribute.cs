using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>Lets -Connection take the name of a cluster that is connected in this runspace, besides the session itself.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SessionFromNameAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        if ((inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is not string name)
        {
            return inputData;
        }

        return RunspaceSessions.Current.Open.FirstOrDefault(s => string.Equals(s.Cluster, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentTransformationMetadataException($"No cluster '{name}' is connected in this runspace; Connect-PgCluster opens one.");
    }
}
