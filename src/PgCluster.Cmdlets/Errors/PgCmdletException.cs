using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>Carries an error of the cmdlets themselves, one without a <see cref="Reason"/>, to the pipeline thread.</summary>
internal sealed class PgCmdletException(ErrorRecord record) : Exception(record.Exception.Message, record.Exception)
{
    /// <summary>The error.</summary>
    public ErrorRecord Record { get; } = record;
}
