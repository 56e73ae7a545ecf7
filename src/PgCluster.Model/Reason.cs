namespace PgCluster;

/// <summary>Why something could not be done. Each value has one error id, category and recommended action in the cmdlets.</summary>
public enum Reason
{
    /// <summary>A defect of PgCluster itself: no other reason fits.</summary>
    Internal = 0,

    /// <summary>A configuration file, variable or flag cannot be used as written.</summary>
    InvalidConfiguration,

    /// <summary>An argument is outside what the command accepts.</summary>
    InvalidArgument,

    /// <summary>The etcd endpoints do not answer, or refuse.</summary>
    StoreUnavailable,

    /// <summary>etcd has no quorum, so nothing may be decided.</summary>
    NoQuorum,

    /// <summary>The store refused the user or the certificate.</summary>
    AccessDenied,

    /// <summary>Somebody else holds the cluster's lock.</summary>
    LockHeld,

    /// <summary>The lock's lease ended while it was needed.</summary>
    LockLost,

    /// <summary>No node of that name is in the cluster.</summary>
    NodeNotFound,

    /// <summary>A node's agent does not answer.</summary>
    AgentUnreachable,

    /// <summary>A node's PostgreSQL does not answer or is not in the state the step needs.</summary>
    PostgresUnavailable,

    /// <summary>No pooler of that name is known.</summary>
    PoolerNotFound,

    /// <summary>A pooler, or the process that keeps it, does not answer.</summary>
    PoolerUnreachable,

    /// <summary>A pooler did not reach the paused state within its timeout.</summary>
    PauseTimeout,

    /// <summary>Sessions that would block a pause are open, and the policy is to abort.</summary>
    BlockedBySessions,

    /// <summary>The cluster has no primary.</summary>
    NoPrimary,

    /// <summary>More than one node says it is the primary.</summary>
    SplitBrain,

    /// <summary>No node may become the primary.</summary>
    NoEligibleCandidate,

    /// <summary>The named target may not become the primary.</summary>
    TargetNotEligible,

    /// <summary>A preflight check said no.</summary>
    PreflightFailed,

    /// <summary>The cluster changed after the plan was made.</summary>
    PlanStale,

    /// <summary>A step did not finish within its budget.</summary>
    StepTimeout,

    /// <summary>The operation failed and every undo worked: the old state stays.</summary>
    RolledBack,

    /// <summary>The operation failed and an undo did not work: a person has to look.</summary>
    NeedsOperator,

    /// <summary>The primary is gone: a forced failover has to be asked for.</summary>
    ForceRequired,

    /// <summary>Nobody can vouch for every acknowledged commit: losing some has to be allowed explicitly.</summary>
    DataLossNotAllowed,

    /// <summary>The old primary still answers, so a second one must not be made.</summary>
    OldPrimaryStillRunning,

    /// <summary>The caller cancelled before the point of no return.</summary>
    Cancelled,

    /// <summary>Not to be had on this operating system.</summary>
    NotSupportedHere,

    /// <summary>A program the playground needs is not installed.</summary>
    MissingProgram,

    /// <summary>The playground could not be made or is broken.</summary>
    PlaygroundFailed,

    /// <summary>No playground of that name is on this machine.</summary>
    PlaygroundNotFound,

    /// <summary>The switchover is not in the state that the request needs.</summary>
    SwitchoverNotReady,

    /// <summary>The database was switched away from: another one is in charge.</summary>
    StaleDatabase,

    /// <summary>The nodes of a switchover called it off.</summary>
    SwitchoverCalledOff,

    /// <summary>The copy differs from the source.</summary>
    VerificationFailed,

    /// <summary>No node may serve the read.</summary>
    NoSuitableNode,

    /// <summary>The cluster is not under management yet.</summary>
    NotInitialized,

    /// <summary>A node's server, or what lies in its data directory, is not of this cluster.</summary>
    ForeignServer,

    /// <summary>The node is needed as it is: it leads, or what commits wait for could not be kept without it.</summary>
    NodeNeeded,

    /// <summary>A node was not ready in the time it was waited for.</summary>
    NodeNotReady,

    /// <summary>Pacemaker could not be asked, or did not take an order.</summary>
    PacemakerUnavailable,

    /// <summary>A node's agent is pgsql-cluster-manager's, which cannot do what was asked.</summary>
    ForeignAgent,
}
