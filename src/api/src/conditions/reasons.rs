//! Why a condition is as it is. The names are part of the API.

/// Reasons on a GenesisModel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum ModelReason {
    /// Ready: at least one replica answers as it should.
    Serving,
    /// Ready: replicas are starting.
    Loading,
    /// Ready: replicas that were there are gone, or none is asked for.
    ReplicasUnavailable,
    /// AdapterLoaded: proved on every ready replica.
    AllReplicas,
    /// AdapterLoaded: some replicas lack it.
    PartiallyLoaded,
    /// AdapterLoaded: a replica refuses it, or what it serves is not what was trained.
    LoadFailed,
    /// AdapterLoaded: there is none yet, the base answers.
    NoAdapter,
    /// LoopActive: no trigger is reached.
    Idle,
    /// LoopActive: a TrainingRun is at work.
    Training,
    /// LoopActive: an Evaluation is at work.
    Evaluating,
    /// LoopActive: a Rollout is at work.
    RollingOut,
    /// LoopActive: a candidate passed and waits for a person.
    AwaitingApproval,
    /// LoopActive: held by `spec.suspend`.
    Suspended,
    /// LoopActive: the last run ended too recently.
    CoolingDown,
    /// LoopActive: a trigger is reached, but there is too little verified work.
    TooFewVerifiedRows,
    /// LoopActive: too many turns in a row ended without a promotion.
    RejectionLimit,
    /// LoopActive: held by `spec.pinnedAdapter`.
    Pinned,
    /// LoopActive: the operator was started without a gateway.
    NoGateway,
    /// LoopActive: the gateway does not answer.
    GatewayUnreachable,
    /// Reconciling: what is asked for is not there yet.
    Progressing,
    /// Stalled: part of what was decided could not be written.
    ActFailed,
}

/// Reasons on a TrainingRun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum TrainingRunReason {
    /// Not ended.
    InProgress,
    /// Held by `spec.suspend`.
    Suspended,
    /// Goes on after it was held.
    Resumed,
    /// Never held.
    NotSuspended,
    /// The adapter is in the store and its digest is right.
    AdapterVerified,
    /// It has not failed.
    NotFailed,
    /// It will not end well any more.
    HasFailed,
    /// The dataset is being frozen.
    FreezingDataset,
    /// The Job is at work.
    JobRunning,
    /// The trainer failed more often than `backoffLimit`.
    BackoffLimitExceeded,
    /// It took longer than `activeDeadlineSeconds`.
    DeadlineExceeded,
    /// The trainer ran out of memory.
    OutOfMemory,
    /// The dataset is unusable: trying again cannot help.
    DatasetInvalid,
    /// The base model is unusable: trying again cannot help.
    BaseModelInvalid,
    /// The hyper-parameters do not fit the base model or the data.
    RecipeInvalid,
    /// The loss is no number any more.
    Diverged,
    /// The adapter could not be stored.
    AdapterUploadFailed,
    /// The Job ended well without telling of an adapter.
    AdapterMissing,
    /// The adapter in the store is not the one that was told of.
    AdapterCorrupt,
    /// The trainer gave up for another reason.
    TrainerFailed,
    /// Its Job was deleted before its end was seen.
    JobLost,
    /// A Job of the name belongs to another object.
    NameTaken,
    /// No dataset is given, and the operator was started without a gateway.
    NoGateway,
    /// No dataset is given, and the gateway freezes none.
    GatewayUnreachable,
    /// The artifact store cannot be read.
    StorageUnreachable,
    /// Stalled: what was decided was refused.
    ActFailed,
}

/// Reasons on an Evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum EvaluationReason {
    /// Not ended.
    InProgress,
    /// Held by `spec.suspend`.
    Suspended,
    /// Goes on after it was held.
    Resumed,
    /// Never held.
    NotSuspended,
    /// A verdict is there.
    Judged,
    /// It has not failed.
    NotFailed,
    /// It will not end well any more.
    HasFailed,
    /// No serving or no sandbox pod is ready.
    WaitingForPods,
    /// An adapter is being loaded and proved.
    LoadingAdapters,
    /// The Job is at work.
    JobRunning,
    /// Passed: the gain is there and supported.
    ImprovementMet,
    /// Passed: the gain is smaller than asked.
    BelowThreshold,
    /// Passed: something that worked no longer does.
    RegressionDetected,
    /// Passed: the numbers cannot tell.
    InsufficientSamples,
    /// A Job of the name belongs to another object.
    NameTaken,
    /// More attempts failed than `backoffLimit`.
    BackoffLimitExceeded,
    /// It took longer than `activeDeadlineSeconds`.
    DeadlineExceeded,
    /// A suite or another input is unusable: trying again cannot help.
    InputInvalid,
    /// Stalled: what was decided was refused.
    ActFailed,
}

/// Reasons on a Rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum RolloutReason {
    /// Going through its steps.
    CanaryStepRunning,
    /// An older Rollout has to give all traffic back first.
    WaitingForPrevious,
    /// The evaluation has no verdict yet.
    WaitingForEvaluation,
    /// The candidate is being loaded and proved; it takes no traffic meanwhile.
    ProvingCandidate,
    /// The gateway has not taken the weights over yet.
    WaitingForRoutes,
    /// The steps are done; the model takes the adapter over.
    Promoting,
    /// The candidate is being taken off.
    RollingBack,
    /// Ended.
    Finished,
    /// The steps are done.
    StepsCompleted,
    /// A person asked for it.
    RequestedPromotion,
    /// Not yet.
    NotPromoted,
    /// `spec.paused`.
    ManualPause,
    /// Something is wrong, and `onFailure` is `Pause`.
    AnalysisFailed,
    /// Not paused.
    NotPaused,
    /// A person asked for an abort.
    RequestedAbort,
    /// Live traffic says that it hurts.
    Harm,
    /// It did not get on within `progressDeadlineSeconds`.
    ProgressDeadlineExceeded,
    /// A replica serves something else than was trained.
    ProofFailed,
    /// A newer Rollout takes its place.
    Superseded,
    /// The evaluation did not pass, or was of another adapter.
    EvaluationNotPassed,
    /// `spec.pinnedAdapter` of the model names another adapter.
    Pinned,
    /// Stalled: there is no such GenesisModel.
    ModelNotFound,
    /// Stalled: the operator was started without a gateway.
    NoGateway,
    /// Reconciling: the gateway does not answer.
    GatewayUnreachable,
    /// Stalled: what was decided was refused.
    ActFailed,
}
