namespace PgCluster.Agent.Commands;

/// <summary>Exit codes of the command line: what a scheduled task can tell apart without reading text.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>It failed, and the old state stays.</summary>
    public const int Failed = 1;

    /// <summary>Arguments or configuration cannot be used.</summary>
    public const int Usage = 2;

    /// <summary>Refused before anything was changed.</summary>
    public const int Refused = 3;

    /// <summary>A person has to look.</summary>
    public const int NeedsOperator = 4;

    /// <summary>The caller cancelled.</summary>
    public const int Cancelled = 130;

    public static int Of(Reason reason) => reason switch
    {
        Reason.InvalidConfiguration or Reason.InvalidArgument => Usage,
        Reason.LockHeld or Reason.BlockedBySessions or Reason.NoPrimary or Reason.SplitBrain or Reason.NoEligibleCandidate or Reason.TargetNotEligible
            or Reason.PreflightFailed or Reason.PlanStale or Reason.ForceRequired or Reason.DataLossNotAllowed or Reason.OldPrimaryStillRunning
            or Reason.SwitchoverNotReady or Reason.StaleDatabase or Reason.NoSuitableNode
            or Reason.NodeNeeded or Reason.NotInitialized or Reason.ForeignServer or Reason.ForeignAgent => Refused,
        Reason.NeedsOperator => NeedsOperator,
        Reason.Cancelled => Cancelled,
        _ => Failed,
    };

    /// <summary>The exit code of an operation that was run.</summary>
    public static int Of(OperationReport report) => report.Outcome switch
    {
        OperationOutcome.Succeeded => Done,
        OperationOutcome.NeedsOperator => NeedsOperator,
        _ when report.ErrorReason == Reason.Cancelled => Cancelled,
        _ => Failed,
    };
}
