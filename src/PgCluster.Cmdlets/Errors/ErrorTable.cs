using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>The one table of errors: id, category and recommended action of each <see cref="Reason"/>.</summary>
public static class ErrorTable
{
    /// <summary>No cluster was named and none is connected.</summary>
    public static ErrorEntry NotConnected { get; } = new(
        "NotConnected", ErrorCategory.ConnectionError,
        "Run Connect-PgCluster first, give -ConfigFile or -Connection, or set the environment variable PGCLUSTER_CONFIG_FILE.");

    /// <summary>The session was closed by Disconnect-PgCluster.</summary>
    public static ErrorEntry SessionClosed { get; } = new(
        "SessionClosed", ErrorCategory.ConnectionError, "Run Connect-PgCluster again and use the session it returns.");

    /// <summary>A file that is not to be overwritten is there already.</summary>
    public static ErrorEntry FileExists { get; } = new(
        "FileExists", ErrorCategory.ResourceExists, "Give another -Path, or -Force to overwrite the file.");

    /// <summary>A file could not be written.</summary>
    public static ErrorEntry FileNotWritten { get; } = new(
        "FileNotWritten", ErrorCategory.WriteError, "Check that the directory exists and that you may write to it.");

    /// <summary>No operation of that id is in the history.</summary>
    public static ErrorEntry OperationNotFound { get; } = new(
        "OperationNotFound", ErrorCategory.ObjectNotFound, "List the ids with Get-PgClusterHistory.");

    /// <summary>The entry of a reason.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The reason has none: a defect.</exception>
    public static ErrorEntry Of(Reason reason) => reason switch
    {
        Reason.Internal => new(
            "Internal", ErrorCategory.InvalidResult,
            "This is a defect of PgCluster. Report it with the output of Get-Error and the agents' logs."),
        Reason.InvalidConfiguration => new(
            "InvalidConfiguration", ErrorCategory.InvalidData,
            "Correct the option at the place the message names; New-PgClusterConfig prints every option with its default."),
        Reason.InvalidArgument => new(
            "InvalidArgument", ErrorCategory.InvalidArgument, "Correct the argument; Get-Help <cmdlet> -Parameter * says what is accepted."),
        Reason.StoreUnavailable => new(
            "StoreUnavailable", ErrorCategory.ConnectionError,
            "Check that etcd runs and that the endpoints, port and TLS files of [etcd] are right."),
        Reason.NoQuorum => new(
            "NoQuorum", ErrorCategory.ResourceUnavailable,
            "Bring back enough etcd members for a majority; nothing is decided without one."),
        Reason.AccessDenied => new(
            "AccessDenied", ErrorCategory.PermissionDenied,
            "Check the user, its password file and roles, and that the certificate is of the cluster's CA."),
        Reason.LockHeld => new(
            "LockHeld", ErrorCategory.ResourceBusy,
            "Another operation is running: wait for it. Get-PgCluster shows who holds the lock; a lock left behind ends with its lease."),
        Reason.LockLost => new(
            "LockLost", ErrorCategory.OperationStopped,
            "The connection to etcd was gone for too long. Look at Get-PgClusterNode and Get-PgPooler, then try again."),
        Reason.NodeNotFound => new(
            "NodeNotFound", ErrorCategory.ObjectNotFound, "List the nodes with Get-PgClusterNode."),
        Reason.AgentUnreachable => new(
            "AgentUnreachable", ErrorCategory.ConnectionError,
            "Check that 'pgcluster supervise' runs on the node and that its agent address can be reached from here."),
        Reason.PostgresUnavailable => new(
            "PostgresUnavailable", ErrorCategory.ResourceUnavailable,
            "Look at the node's PostgreSQL log and at its State and Evidence in Get-PgClusterNode."),
        Reason.PacemakerUnavailable => new(
            "PacemakerUnavailable", ErrorCategory.ResourceUnavailable,
            "Look at crm_mon -1 on the node the message names, and at Test-PgCluster: it says what stands in Pacemaker's way."),
        Reason.PoolerNotFound => new(
            "PoolerNotFound", ErrorCategory.ObjectNotFound, "List the poolers with Get-PgPooler."),
        Reason.PoolerUnreachable => new(
            "PoolerUnreachable", ErrorCategory.ConnectionError,
            "Check that PgBouncer and the process beside it (its node's agent, or 'pgcluster proxy') run."),
        Reason.PauseTimeout => new(
            "PauseTimeout", ErrorCategory.OperationTimeout,
            "End the open transactions (Test-PgFailover -Detailed names them), or use -BlockerPolicy Terminate."),
        Reason.BlockedBySessions => new(
            "BlockedBySessions", ErrorCategory.ResourceBusy,
            "End the sessions that (Test-PgFailover -Detailed).Blockers lists, or choose another -BlockerPolicy."),
        Reason.NoPrimary => new(
            "NoPrimary", ErrorCategory.ObjectNotFound,
            "Look at Get-PgClusterNode; if the primary will not come back, Invoke-PgFailover -Force promotes a standby."),
        Reason.SplitBrain => new(
            "SplitBrain", ErrorCategory.InvalidResult,
            "Stop the server that must not be the primary before anything else, then look at the timelines in Get-PgClusterNode."),
        Reason.NoEligibleCandidate => new(
            "NoEligibleCandidate", ErrorCategory.ResourceUnavailable,
            "(Test-PgFailover -Detailed).Candidates says for each node why it may not take over."),
        Reason.TargetNotEligible => new(
            "TargetNotEligible", ErrorCategory.InvalidArgument,
            "Choose another -Target, or none; (Test-PgFailover -Detailed).Candidates says who may take over."),
        Reason.PreflightFailed => new(
            "PreflightFailed", ErrorCategory.InvalidOperation,
            "Do what the message says. (Test-PgFailover -Detailed).Checks or (Test-PgSwitchover -Detailed).Checks shows each check with its evidence and remedy."),
        Reason.PlanStale => new(
            "PlanStale", ErrorCategory.InvalidOperation, "The cluster changed meanwhile. Look at Get-PgClusterNode and run the command again."),
        Reason.StepTimeout => new(
            "StepTimeout", ErrorCategory.OperationTimeout,
            "Look at the step's detail in the report and at that node's log; raise its budget in [failover] if it simply needs longer."),
        Reason.RolledBack => new(
            "RolledBack", ErrorCategory.OperationStopped,
            "Nothing has changed: what served before serves. Correct what the message or the failed step of the report says and try again."),
        Reason.NeedsOperator => new(
            "NeedsOperator", ErrorCategory.InvalidResult,
            "Look at the report's steps, Get-PgClusterNode and Get-PgPooler before anything else; paused poolers resume by themselves at their expiry."),
        Reason.ForceRequired => new(
            "ForceRequired", ErrorCategory.InvalidOperation,
            "If the primary will not come back, ask for a forced failover with -Force."),
        Reason.DataLossNotAllowed => new(
            "DataLossNotAllowed", ErrorCategory.InvalidOperation,
            "Bring back a synchronous standby, or accept the loss of acknowledged commits with -AllowDataLoss."),
        Reason.OldPrimaryStillRunning => new(
            "OldPrimaryStillRunning", ErrorCategory.InvalidOperation,
            "Stop the old primary, or run the failover without -Force: it is planned then, and loses nothing."),
        Reason.Cancelled => new(
            "Cancelled", ErrorCategory.OperationStopped, "Run the command again when you want it to go through."),
        Reason.NotSupportedHere => new(
            "NotSupportedHere", ErrorCategory.NotImplemented, "Run it on Linux; the other cmdlets work everywhere."),
        Reason.MissingProgram => new(
            "MissingProgram", ErrorCategory.NotInstalled, "Install the package that the message names."),
        Reason.PlaygroundFailed => new(
            "PlaygroundFailed", ErrorCategory.ResourceUnavailable,
            "Look at the log the message names; Remove-PgPlayground cleans up what is left."),
        Reason.PlaygroundNotFound => new(
            "PlaygroundNotFound", ErrorCategory.ObjectNotFound, "List the playgrounds with Get-PgPlayground."),
        Reason.SwitchoverNotReady => new(
            "SwitchoverNotReady", ErrorCategory.InvalidOperation,
            "New-PgSwitchover prepares one; Get-PgSwitchover shows where it stands; Reset-PgSwitchover makes a cancelled one ready again."),
        Reason.StaleDatabase => new(
            "StaleDatabase", ErrorCategory.InvalidOperation,
            "Connect to the database that the application was switched to; Get-PgSwitchover names it."),
        Reason.SwitchoverCalledOff => new(
            "SwitchoverCalledOff", ErrorCategory.OperationStopped, "Get-PgSwitchoverLog says who called it off and why; Start-PgSwitchover goes on with what was copied."),
        Reason.VerificationFailed => new(
            "VerificationFailed", ErrorCategory.InvalidResult, "Nothing was flipped. Find who writes to the target, then Reset-PgSwitchover and begin anew."),
        Reason.NoSuitableNode => new(
            "NoSuitableNode", ErrorCategory.ResourceUnavailable,
            "The message says for each node why not. Allow more lag, wait and ask again, or read from the primary with -ForcePrimary."),
        Reason.NodeNeeded => new(
            "NodeNeeded", ErrorCategory.InvalidOperation,
            "Move the primary away with Invoke-PgFailover, or bring another standby back first; Suspend-PgClusterNode goes on with -Force."),
        Reason.NodeNotReady => new(
            "NodeNotReady", ErrorCategory.OperationTimeout,
            "The message says of each node what it lacks; see Get-PgClusterNode and Get-PgNodeHealth, or wait longer with -Timeout."),
        Reason.NotInitialized => new(
            "NotInitialized", ErrorCategory.InvalidOperation,
            "Initialize-PgCluster -WhatIf says what it would do and what keeps it from doing so; Initialize-PgCluster takes the cluster under management."),
        Reason.ForeignAgent => new(
            "ForeignAgent", ErrorCategory.NotImplemented,
            "Replace pgsql-cluster-manager's agent on that node: stop pgcm supervise there and start pgcluster supervise."),
        Reason.ForeignServer => new(
            "ForeignServer", ErrorCategory.InvalidData,
            "Check host, port and data directory of the node. A data directory that is of no use any more can be moved away; the agent then makes a new copy."),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "has no entry"),
    };

    /// <summary>An exception as PowerShell's error record.</summary>
    internal static ErrorRecord ToRecord(Exception exception, object? target = null) => exception switch
    {
        PgCmdletException own => own.Record,
        PgClusterException known => Record(Of(known.Reason), known, known.Report ?? (object?)known.Target ?? target),
        OperationCanceledException or TimeoutException => Record(Of(Reason.StepTimeout), exception, target),
        _ => Record(Of(Reason.Internal), exception, target),
    };

    /// <summary>An error that has no reason: one of the cmdlets themselves.</summary>
    internal static PgCmdletException Own(ErrorEntry entry, string message, object? target = null, Exception? inner = null) =>
        new(Record(entry, new InvalidOperationException(message, inner), target));

    private static ErrorRecord Record(ErrorEntry entry, Exception exception, object? target) => new(exception, entry.Id, entry.Category, target)
    {
        ErrorDetails = new ErrorDetails(exception.Message) { RecommendedAction = entry.RecommendedAction },
    };
}
