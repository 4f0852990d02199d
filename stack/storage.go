package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/backup"
	"dip/components/bucket"
	"dip/components/bus"
	"dip/components/ledger"
	"dip/components/policy"
	"dip/components/signer"
	"dip/config"
	"dip/contract"
)

// Storage is where data, state and events are.
type Storage struct {
	Landing *bucket.Bucket // inputs
	Lake    *bucket.Bucket // outputs, quarantine, certificates, catalogs, restaged pieces
	Ledger  *ledger.Ledger
	Bus     *bus.Bus       // events of loads
	Backup  *backup.Backup // nil: there are no backups
	Signer  *signer.Signer // of certificates

	staging []string // prefixes of the lake with restaged pieces; none in a stack without a cluster
}

// NewStorage declares the buckets, the key that signs certificates, the ledger, the event bus and backups.
func NewStorage(ctx *pulumi.Context, s *Setup) (st *Storage, err error) {
	st = &Storage{staging: slices.Sorted(maps.Keys(s.staging))}
	if st.Landing, err = bucket.New(ctx, "landing", s.bucket(s.Landing)); err != nil {
		return nil, err
	}
	if st.Lake, err = bucket.New(ctx, "lake", s.lake()); err != nil {
		return nil, err
	}
	if st.Signer, err = signer.New(ctx, "certificates", &signer.Args{
		Account: s.Account, Protect: s.Lake.Protect,
	}); err != nil {
		return nil, err
	}
	if st.Ledger, err = ledger.New(ctx, "ledger", &ledger.Args{Settings: s.Ledger}); err != nil {
		return nil, err
	}
	if st.Bus, err = bus.New(ctx, "events"); err != nil {
		return nil, err
	}
	return st, st.backUp(ctx, s)
}

// backUp has AWS Backup copy the ledger and both buckets.
func (st *Storage) backUp(ctx *pulumi.Context, s *Setup) (err error) {
	if !s.Backup.Enabled {
		return nil
	}
	if err := st.Lake.NotifyEventBridge(ctx); err != nil {
		return err
	}
	st.Backup, err = backup.New(ctx, "backup", &backup.Args{
		Settings: s.Backup, Protect: !s.Environment.Disposable(),
		Resources: map[string]pulumi.StringInput{
			"landing": st.Landing.ARN, "lake": st.Lake.ARN, "ledger": st.Ledger.ARN,
		},
	})
	return err
}

// setAsideDays is how long batches are kept that Lambda has set aside: their records are in the archive.
const setAsideDays = 30

// lake is the lake's settings. What a stream's witness and closer write is never overwritten, and the archive is kept as
// long as its segment says: the closer reads it until an interval is certified, verifiers and repairs after that.
func (s *Setup) lake() *bucket.Args {
	lake := s.bucket(s.Lake)
	lake.Expire = maps.Clone(s.staging)
	lake.WriteOnce = []string{
		contract.DataPrefix, contract.QuarantinePrefix, contract.CertificatePrefix, contract.ManifestPrefix,
	}
	streams := s.StreamNames()
	if len(streams) == 0 {
		return lake
	}
	lake.WriteOnce = append(lake.WriteOnce, contract.ArchivePrefix, contract.CoverPrefix)
	if lake.Expire == nil {
		lake.Expire = map[string]int{}
	}
	lake.Expire[contract.SetAsidePrefix] = setAsideDays
	for _, name := range streams {
		if days := s.Segments[name].Stream.ArchiveDays; days > 0 {
			lake.Expire[contract.ArchivePrefix+name+"/"] = days
			lake.Expire[contract.CoverPrefix+name+"/"] = days
		}
	}
	return lake
}

func (s *Setup) bucket(settings config.Bucket) *bucket.Args {
	return &bucket.Args{Settings: settings, EventBridge: s.Backup.Enabled,
		Disposable: s.Environment.Disposable() && !settings.Protect}
}

// common is the environment that all functions share. code is the fingerprint of the program that gets it.
func (st *Storage) common(s *Setup, code string) contract.Common[pulumi.StringInput] {
	return contract.Common[pulumi.StringInput]{
		Stack: pulumi.String(s.Name), Code: pulumi.String(code), LedgerTable: st.Ledger.Name, LakeBucket: st.Lake.Name,
	}
}

// processChunks is what a segment's function and its workers may do besides taking their chunks.
func (st *Storage) processChunks(segment string) []policy.Statement {
	read := []string{contract.CatalogPrefix}
	for _, prefix := range st.staging {
		read = append(read, prefix+segment+"/")
	}
	return policy.All(
		st.Landing.ReadVersions(segment+"/"), st.Lake.Read(read...),
		st.Lake.Write(contract.DataPrefix+segment+"/", contract.QuarantinePrefix+segment+"/"),
		st.Ledger.Work(),
	)
}
